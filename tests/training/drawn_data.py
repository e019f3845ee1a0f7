"""A data folder drawn by hand: radiographs of two parts that a network can tell, slices that are none, many subjects."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

COLUMNS = (
    "path,modality,region,view,plane,sequence,subtype,composite,quality_label,subject,source_width,source_height,source,"
    "terms,label_source,notes,region_ids"
).split(",")


def write_data(folder: Path, subjects: int = 40) -> Path:
    """A chest (a bright cross) and a knee (a bright bar) of each subject, and a slice of CT of every fourth."""
    chance = np.random.default_rng(1)
    lines = []
    for number in range(subjects):
        for modality, region, view in (("XR", "chest", "PA"), ("XR", "knee", "LAT"), ("CT", "head", "")):
            if modality == "CT" and number % 4:
                continue
            path = f"{modality.lower()}/{region}/{number}.png"
            picture = chance.integers(0, 60, (48, 40)).astype(np.uint8)
            picture[:, 16:24] = 220
            if region == "chest":
                picture[20:28] = 220
            (folder / "images" / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / "images" / path)
            known = {
                "path": path,
                "modality": modality,
                "view": view,
                "subject": f"s{number}",
                "source": f"source{number % 2}",
                "terms": "open" if modality == "CT" else "non-commercial",
                "label_source": "drawn",
                "region_ids": region,
            }
            lines.append({column: known.get(column, "") for column in COLUMNS})
    with (folder / "images" / "images.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    return folder
