"""DataGate: stops the pipeline where the data's validation found anomalies."""
