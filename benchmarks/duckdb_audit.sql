-- The same audit as hand-written DuckDB SQL. The runner has made `logs` (a view on Parquet, a table for JSON lines),
-- `prices`, `seats` and `rules` (see dump_book.py). Money is in 1e-15 USD, as integers.

-- Requests that were logged twice: candidates by hash, then the ids themselves.
CREATE TEMP TABLE twice AS
SELECT hash(request_id) AS id_hash FROM logs GROUP BY ALL HAVING count(*) > 1;

-- Words of a feature's name, judged once per feature.
CREATE TEMP TABLE features AS
WITH names AS (
  SELECT feature, lower(regexp_replace(regexp_replace(feature,
    '([a-z0-9])([A-Z])', '\1 \2', 'g'), '[^\pL\pN]+', ' ', 'g')) AS words
  FROM (SELECT DISTINCT feature FROM logs)
)
SELECT feature, arg_min(tier, place) AS tier, arg_min(confidence, place) AS confidence
FROM names JOIN rules ON regexp_matches(names.words, rules.words)
  AND NOT regexp_matches(names.words, rules.unless)
GROUP BY feature;

CREATE TEMP TABLE ledger AS
WITH calls AS (
  SELECT timestamp, provider, model, input_tokens, output_tokens, cached_tokens, feature, "user", status
  FROM logs WHERE hash(request_id) NOT IN (SELECT id_hash FROM twice)
  UNION ALL
  SELECT min(timestamp), any_value(provider), any_value(model), max(input_tokens), max(output_tokens),
    max(cached_tokens), any_value(feature), any_value("user"), any_value(status)
  FROM logs WHERE hash(request_id) IN (SELECT id_hash FROM twice)
  GROUP BY request_id, status = 'error'
),
usage AS (
  SELECT calls.* EXCLUDE (timestamp), epoch_us(timestamp) AS us, input_tokens - cached_tokens AS fresh,
    features.tier AS named_tier, features.confidence AS named_confidence
  FROM calls LEFT JOIN features USING (feature)
),
tagged AS (
  SELECT *,
    CASE
      WHEN named_tier IS NOT NULL THEN named_tier
      WHEN input_tokens >= 6001 THEN 2
      WHEN status <> 'ok' THEN -1
      WHEN output_tokens BETWEEN 1 AND 8 AND input_tokens BETWEEN 1 AND 2000 THEN 0
      WHEN output_tokens BETWEEN 9 AND 32 AND input_tokens BETWEEN 1 AND 1500 THEN 0
      WHEN output_tokens BETWEEN 33 AND 500 AND input_tokens BETWEEN 1 AND 6000 THEN 1
      WHEN output_tokens >= 501 THEN 2
      ELSE -1
    END AS tier,
    CASE
      WHEN named_tier IS NOT NULL THEN named_confidence
      WHEN input_tokens >= 6001 THEN 75
      WHEN status <> 'ok' THEN 0
      WHEN output_tokens BETWEEN 1 AND 8 AND input_tokens BETWEEN 1 AND 2000 THEN 50
      WHEN output_tokens BETWEEN 9 AND 32 AND input_tokens BETWEEN 1 AND 1500 THEN 40
      WHEN output_tokens BETWEEN 33 AND 500 AND input_tokens BETWEEN 1 AND 6000 THEN 35
      WHEN output_tokens >= 501 THEN 35
      ELSE 0
    END AS confidence
  FROM usage
),
priced AS (
  SELECT tagged.*, prices.card, CASE
      WHEN confidence = 0 THEN 0 WHEN confidence < 50 THEN 1 WHEN confidence < 80 THEN 2 ELSE 3
    END AS band,
    fresh * prices.input + tagged.cached_tokens * prices.cache_read + output_tokens * prices.output AS list_units
  FROM tagged LEFT JOIN prices ON prices.provider = tagged.provider AND prices.model = tagged.model
    AND us >= prices.from_us AND us < prices.until_us
    AND input_tokens > prices.over AND input_tokens <= prices.up_to
),
offers AS (
  SELECT priced.*, s1_card, s2_card, s3_card, s4_card, s1_used, s2_used, s3_used, s4_used,
    CASE WHEN s1_context_window >= input_tokens + output_tokens AND s1_max_output >= output_tokens
      THEN fresh * s1_input + cached_tokens * s1_cache_read + output_tokens * s1_output END AS s1_units,
    CASE WHEN s2_context_window >= input_tokens + output_tokens AND s2_max_output >= output_tokens
      THEN fresh * s2_input + cached_tokens * s2_cache_read + output_tokens * s2_output END AS s2_units,
    CASE WHEN s3_context_window >= input_tokens + output_tokens AND s3_max_output >= output_tokens
      THEN fresh * s3_input + cached_tokens * s3_cache_read + output_tokens * s3_output END AS s3_units,
    CASE WHEN s4_context_window >= input_tokens + output_tokens AND s4_max_output >= output_tokens
      THEN fresh * s4_input + cached_tokens * s4_cache_read + output_tokens * s4_output END AS s4_units
  FROM priced LEFT JOIN seats ON seats.tier = priced.tier AND status = 'ok' AND card IS NOT NULL
    AND us >= seats.from_us AND us < seats.until_us
    AND input_tokens > seats.over AND input_tokens <= seats.up_to
),
cheapest AS (
  SELECT *,
    least(s1_units, s2_units, s3_units, s4_units) AS any_units,
    least(CASE WHEN s1_used THEN s1_units END, CASE WHEN s2_used THEN s2_units END,
      CASE WHEN s3_used THEN s3_units END, CASE WHEN s4_used THEN s4_units END) AS same_units
  FROM offers
),
routed AS (
  SELECT *,
    CASE WHEN any_units < list_units THEN CASE any_units
      WHEN s1_units THEN s1_card WHEN s2_units THEN s2_card WHEN s3_units THEN s3_card ELSE s4_card
    END END AS route_any,
    CASE WHEN same_units < list_units THEN CASE
      WHEN s1_used AND same_units = s1_units THEN s1_card WHEN s2_used AND same_units = s2_units THEN s2_card
      WHEN s3_used AND same_units = s3_units THEN s3_card ELSE s4_card
    END END AS route_same
  FROM cheapest
)
SELECT us // 86400000000 AS day, provider, model, card, tier, band, feature, status, route_same, route_any, "user",
  grouping("user") = 0 AS of_user,
  count(*) AS requests, sum(fresh) AS input, sum(cached_tokens) AS cache_read, sum(output_tokens) AS output,
  sum(list_units) AS list_units,
  sum(CASE WHEN route_same IS NULL THEN list_units ELSE same_units END) AS same_units,
  sum(CASE WHEN route_any IS NULL THEN list_units ELSE any_units END) AS any_units
FROM routed
GROUP BY GROUPING SETS (
  (day, provider, model, card, tier, band, feature, status, route_same, route_any),
  ("user", card)
);

-- What the report shows, in halves of 1e-15 USD: failed calls are avoided, weak tags keep their model, and tier 3
-- is checked by a second pass that costs half as much again.
CREATE TEMP TABLE projected AS
SELECT *, CASE
    WHEN card IS NULL THEN 0
    WHEN status <> 'ok' THEN 0
    WHEN band < 2 THEN 2 * list_units
    WHEN tier = 3 THEN 3 * any_units
    ELSE 2 * any_units
  END AS after_halves
FROM ledger WHERE NOT of_user;
