-- OpenTelemetry spans in OTLP's JSON, by the names of this benchmark's queries.
CREATE TEMP TABLE logs AS
WITH exports AS (
  FROM read_json(getvariable('log'), format = 'newline_delimited', columns = {
    resourceSpans: 'STRUCT(scopeSpans STRUCT(spans STRUCT(
      startTimeUnixNano BIGINT, status STRUCT(code INTEGER),
      attributes STRUCT("key" VARCHAR, "value" STRUCT(stringValue VARCHAR, intValue VARCHAR))[]
    )[])[])[]'
  })
),
groups AS (SELECT unnest(resourceSpans) AS of_resource FROM exports),
scopes AS (SELECT unnest(of_resource.scopeSpans) AS of_scope FROM groups),
spans AS (SELECT unnest(of_scope.spans) AS span FROM scopes),
calls AS (
  SELECT span.startTimeUnixNano AS start, span.status.code AS code, map_from_entries(list_transform(
    span.attributes, lambda a: {'k': a."key", 'v': coalesce(a."value".stringValue, a."value".intValue)}
  )) AS said
  FROM spans
)
SELECT
  make_timestamptz(start // 1000) AS timestamp,
  said['gen_ai.response.id'] AS request_id,
  CASE said['gen_ai.provider.name'] WHEN 'gcp.gemini' THEN 'google' ELSE said['gen_ai.provider.name'] END AS provider,
  said['gen_ai.response.model'] AS model,
  said['gen_ai.usage.input_tokens']::BIGINT AS input_tokens,
  said['gen_ai.usage.output_tokens']::BIGINT AS output_tokens,
  coalesce(said['gen_ai.usage.cache_read.input_tokens']::BIGINT, 0) AS cached_tokens,
  said['app.feature'] AS feature,
  said['user.id'] AS "user",
  CASE WHEN code = 2 THEN 'error' ELSE 'ok' END AS status
FROM calls WHERE said['gen_ai.operation.name'] = 'chat';
