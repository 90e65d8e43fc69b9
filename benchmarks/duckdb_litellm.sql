-- LiteLLM's StandardLoggingPayload, by the names of this benchmark's queries.
CREATE TEMP TABLE logs AS SELECT
  make_timestamptz(round(startTime * 1000)::BIGINT * 1000) AS timestamp,
  litellm_call_id AS request_id,
  CASE custom_llm_provider WHEN 'gemini' THEN 'google' ELSE custom_llm_provider END AS provider,
  model,
  prompt_tokens AS input_tokens,
  completion_tokens AS output_tokens,
  coalesce(metadata.usage_object.prompt_tokens_details.cached_tokens, 0) AS cached_tokens,
  substr(list_filter(request_tags, lambda tag: starts_with(tag, 'feature:'))[1], 9) AS feature,
  end_user AS "user",
  CASE status WHEN 'success' THEN 'ok' ELSE 'error' END AS status,
  response_cost AS reported_usd
FROM read_json(getvariable('log'), format = 'newline_delimited', columns = {
  startTime: 'DOUBLE', litellm_call_id: 'VARCHAR', custom_llm_provider: 'VARCHAR', model: 'VARCHAR',
  prompt_tokens: 'BIGINT', completion_tokens: 'BIGINT', request_tags: 'VARCHAR[]', end_user: 'VARCHAR',
  status: 'VARCHAR', response_cost: 'DECIMAL(18, 12)',
  metadata: 'STRUCT(usage_object STRUCT(prompt_tokens_details STRUCT(cached_tokens BIGINT)))'
});
