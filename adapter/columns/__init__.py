"""The facts of many patients in columns: tables of Parquet files, written once and asked many times."""
