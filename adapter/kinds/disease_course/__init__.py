"""`disease-course`: a disease has relapsed, or is refractory."""
