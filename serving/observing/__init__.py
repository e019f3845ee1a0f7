"""How the service is watched: metrics, log lines and traces, none of which holds a patient's data."""
