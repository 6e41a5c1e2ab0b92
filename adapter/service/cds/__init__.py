"""CDS Hooks 2.0: an EHR opens a patient, and shows a card for each trial that they may take part in."""
