"""The kind `disease-course`: a disease has relapsed, or is refractory."""

from adapter.criteria.model import DiseaseCourse
from adapter.evaluator.kind import Kind
from adapter.kinds.disease_course.evaluate import bind_disease_course

DISEASE_COURSE = Kind(
    name="disease-course",
    statement=DiseaseCourse,
    bind=lambda statement, trial: bind_disease_course(statement, trial.terminology),
)
