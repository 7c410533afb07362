"""Experiments: what each stage of a recipe is worth to small Llamas, trained with and without."""
