"""The compact Llama: trained on tokens, scored in bits per byte, exported to other libraries."""
