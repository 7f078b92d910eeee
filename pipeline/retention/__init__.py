"""What is kept of earlier runs, and the removal of the rest."""
