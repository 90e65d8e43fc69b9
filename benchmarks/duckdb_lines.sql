-- JSON lines, read once: the text is parsed to a table, which the queries then use.
CREATE TEMP TABLE logs AS SELECT * FROM read_json(getvariable('log'), format = 'newline_delimited', columns = {
  timestamp: 'TIMESTAMPTZ', request_id: 'VARCHAR', provider: 'VARCHAR', model: 'VARCHAR', input_tokens: 'BIGINT',
  output_tokens: 'BIGINT', cached_tokens: 'BIGINT', feature: 'VARCHAR', "user": 'VARCHAR', status: 'VARCHAR'
});
