"""Networks from and to other libraries."""
