"""DataGate: stops the pipeline if validation found anomalies in the data."""
