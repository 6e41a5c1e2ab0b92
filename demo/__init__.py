"""A made-up cohort to try the adapter on: no person in it exists.

`python -m demo.cohort --out DIR` writes one FHIR R4 Bundle a patient. Who they are and what befell them stands in
`demo/stories/*.yaml`, written to be read; the Python below only turns those stories into FHIR.
"""
