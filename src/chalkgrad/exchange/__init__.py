"""Networks that were made elsewhere, brought here."""
