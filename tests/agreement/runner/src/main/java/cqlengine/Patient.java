package cqlengine;

import ca.uhn.fhir.context.FhirContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.r4.model.Base;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.Reference;
import org.hl7.fhir.r4.model.Resource;
import org.opencds.cqf.cql.engine.retrieve.RetrieveProvider;
import org.opencds.cqf.cql.engine.runtime.Code;
import org.opencds.cqf.cql.engine.runtime.Interval;

/** The resources of one patient's Bundle, by type. */
final class Patient implements RetrieveProvider {
  private static final FhirContext FHIR = FhirContext.forR4Cached();

  private final Map<String, List<Object>> resources = new HashMap<>();
  final String id;

  Patient(String json) {
    Bundle bundle = FHIR.newJsonParser().parseResource(Bundle.class, json);
    String found = null;
    for (Bundle.BundleEntryComponent entry : bundle.getEntry()) {
      if (entry.getResource() instanceof org.hl7.fhir.r4.model.Patient patient) found = patient.getIdElement().getIdPart();
    }
    id = found;
    for (Bundle.BundleEntryComponent entry : bundle.getEntry()) {
      Resource resource = entry.getResource();
      if (isOwn(resource)) resources.computeIfAbsent(resource.fhirType(), type -> new ArrayList<>()).add(resource);
    }
  }

  /** Another's data are not the patient's; what names nobody is. */
  private boolean isOwn(Resource resource) {
    if (resource instanceof org.hl7.fhir.r4.model.Patient) return id.equals(resource.getIdElement().getIdPart());
    for (String name : List.of("subject", "patient")) {
      var property = resource.getNamedProperty(name);
      if (property == null) continue;
      for (Base value : property.getValues()) {
        if (value instanceof Reference reference && reference.hasReference()) {
          return id.equals(reference.getReferenceElement().getIdPart());
        }
      }
    }
    return true;
  }

  @Override
  public Iterable<Object> retrieve(
      String context, String contextPath, Object contextValue, String type, String template, String codePath,
      Iterable<Code> codes, String valueSet, String datePath, String dateLow, String dateHigh, Interval range) {
    if (codes != null || valueSet != null) throw new UnsupportedOperationException("a retrieve by codes");
    return resources.getOrDefault(type, List.of());
  }
}
