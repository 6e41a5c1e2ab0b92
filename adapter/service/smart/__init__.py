"""SMART App Launch 2.2: the patient's trials as a page in the EHR, read with the user's own token."""
