-- The stated cost, once per request.
SELECT sum(usd) FROM (
  SELECT sum(reported_usd) AS usd FROM logs WHERE hash(request_id) NOT IN (SELECT id_hash FROM twice)
  UNION ALL
  SELECT max(reported_usd) FROM logs WHERE hash(request_id) IN (SELECT id_hash FROM twice)
  GROUP BY request_id, status = 'error'
);
