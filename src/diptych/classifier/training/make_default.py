"""Make the model that the package ships: `make model`."""

from __future__ import annotations

from diptych.classifier.scoring.bundled import FILE
from diptych.classifier.scoring.persist import save_model
from diptych.classifier.training.material import training_material
from diptych.classifier.training.train import fit_model
from diptych.study import Study


def main() -> None:
    """Train on the bundled study, its exemplars, and the pool where its texts are at hand."""
    study = Study.bundled()
    material = training_material(study)
    model, _ = fit_model(material, study.schema, study.settings.seed)
    save_model(FILE, model)


if __name__ == "__main__":
    main()
