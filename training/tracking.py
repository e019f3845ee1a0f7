"""Logs a finished run to a local MLflow store, for those who compare runs there; an option, never needed."""

import json
from pathlib import Path

from qc_models.errors import ConfigError
from training.run_folder import RunFolder


def track(folder: RunFolder, store: Path) -> None:
    """Logs recipe and losses of a run; raises ConfigError where MLflow is not installed."""
    try:
        import mlflow
    except ImportError as error:
        raise ConfigError("--mlflow: MLflow is not installed; install the extra `tracking`") from error
    recipe = folder.recipe()
    store.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{(store / 'mlflow.db').resolve()}")
    mlflow.set_experiment(recipe.model)
    with mlflow.start_run(run_name=folder.path.name):
        mlflow.log_params({key: value for key, value in recipe.model_dump().items() if not isinstance(value, dict)})
        for line in (folder.path / "curves.jsonl").read_text(encoding="utf-8").splitlines():
            point = json.loads(line)
            mlflow.log_metric("loss", point["loss"], step=point["epoch"])
