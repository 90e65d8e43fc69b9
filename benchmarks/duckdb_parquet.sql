-- Parquet: each query reads the columns that it needs.
CREATE VIEW logs AS SELECT * FROM read_parquet(getvariable('log'));
