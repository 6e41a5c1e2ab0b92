package cqlengine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kotlin.Pair;
import org.cqframework.cql.cql2elm.CqlCompilerException;
import org.cqframework.cql.cql2elm.CqlCompilerOptions;
import org.cqframework.cql.cql2elm.DefaultLibrarySourceProvider;
import org.cqframework.cql.cql2elm.LibraryBuilder.SignatureLevel;
import org.cqframework.cql.cql2elm.LibraryManager;
import org.cqframework.cql.cql2elm.ModelManager;
import org.cqframework.cql.cql2elm.tracking.Trackable;
import org.hl7.elm.r1.ExpressionDef;
import org.hl7.elm.r1.FunctionDef;
import org.hl7.elm.r1.VersionedIdentifier;
import org.opencds.cqf.cql.engine.data.CompositeDataProvider;
import org.opencds.cqf.cql.engine.data.DataProvider;
import org.opencds.cqf.cql.engine.execution.CqlEngine;
import org.opencds.cqf.cql.engine.execution.Environment;
import org.opencds.cqf.cql.engine.execution.EvaluationParams;
import org.opencds.cqf.cql.engine.execution.EvaluationResult;
import org.opencds.cqf.cql.engine.fhir.model.R4FhirModelResolver;
import org.opencds.cqf.cql.engine.runtime.DateTime;
import org.opencds.cqf.cql.engine.terminology.CodeSystemInfo;
import org.opencds.cqf.cql.engine.terminology.TerminologyProvider;
import org.opencds.cqf.cql.engine.terminology.ValueSetInfo;

/** Some CQL libraries, compiled once. The results are those of the expressions that hold a truth or a text. */
final class Engine {
  private static final String FHIR = "http://hl7.org/fhir";
  private static final String AS_OF = "As Of";

  private final LibraryManager manager;
  private final R4FhirModelResolver model = new R4FhirModelResolver();
  private final Map<VersionedIdentifier, Set<String>> asked = new LinkedHashMap<>();

  Engine(String folder, List<String> libraries) throws Exception {
    // with every signature in the ELM the engine needn't find each function anew by its arguments' types
    var options = CqlCompilerOptions.defaultOptions().withSignatureLevel(SignatureLevel.All);
    manager = new LibraryManager(new ModelManager(), options);
    manager.getLibrarySourceLoader()
        .registerProvider(new DefaultLibrarySourceProvider(kotlinx.io.files.PathsKt.Path(folder)));
    for (String name : libraries) {
      var id = new VersionedIdentifier();
      id.setId(name);
      id.setVersion(version(Files.readString(Path.of(folder, name + ".cql"))));
      asked.put(id, results(id));
    }
  }

  /** Raises if the library doesn't compile without an error. */
  private Set<String> results(VersionedIdentifier id) {
    var errors = new java.util.ArrayList<CqlCompilerException>();
    var compiled = manager.resolveLibrary(id, errors);
    var wrong = new StringBuilder();
    for (CqlCompilerException each : errors) {
      if (each.getSeverity() == CqlCompilerException.ErrorSeverity.Error) {
        var where = each.getLocator() == null ? "" : " at " + each.getLocator().toLocator();
        wrong.append("\n").append(id.getId()).append(where).append(": ").append(each.getMessage());
      }
    }
    if (!wrong.isEmpty()) throw new IllegalArgumentException("libraries that don't compile:" + wrong);
    var found = new LinkedHashSet<String>();
    for (ExpressionDef each : compiled.getLibrary().getStatements().getDef()) {
      var type = String.valueOf(Trackable.INSTANCE.getResultType(each));
      if (!(each instanceof FunctionDef) && List.of("System.Boolean", "System.String").contains(type)) {
        found.add(each.getName());
      }
    }
    return found;
  }

  private static String version(String text) {
    var found = java.util.regex.Pattern.compile("(?m)^library \\S+ version '([^']+)'").matcher(text);
    if (!found.find()) throw new IllegalArgumentException("a library without a version");
    return found.group(1);
  }

  Map<String, Set<String>> expressions() {
    var found = new LinkedHashMap<String, Set<String>>();
    asked.forEach((id, names) -> found.put(id.getId(), names));
    return found;
  }

  Map<String, Map<String, Object>> evaluate(Patient patient, String asOf) {
    Map<String, DataProvider> data = Map.of(FHIR, new CompositeDataProvider(model, patient));
    var engine = new CqlEngine(
        new Environment(manager, data, new NoTerminology()),
        new HashSet<>(Set.of(CqlEngine.Options.EnableExpressionCaching)));
    var found = new LinkedHashMap<String, Map<String, Object>>();
    asked.forEach((id, names) -> found.put(id.getId(), ofLibrary(engine, id, names, patient, asOf)));
    return found;
  }

  /** All expressions at once; one by one where that throws, so that one of them doesn't hide the others. */
  private Map<String, Object> ofLibrary(
      CqlEngine engine, VersionedIdentifier id, Set<String> names, Patient patient, String asOf) {
    var found = new LinkedHashMap<String, Object>();
    try {
      var results = run(engine, id, names, patient, asOf);
      for (String name : names) found.put(name, results.get(name).getValue());
    } catch (RuntimeException whole) {
      for (String name : names) {
        try {
          found.put(name, run(engine, id, Set.of(name), patient, asOf).get(name).getValue());
        } catch (RuntimeException error) {
          found.put(name, Map.of("error", cause(error)));
        }
      }
    }
    return found;
  }

  private static EvaluationResult run(
      CqlEngine engine, VersionedIdentifier id, Set<String> names, Patient patient, String asOf) {
    var at = OffsetDateTime.ofInstant(Instant.parse(asOf), ZoneOffset.UTC);
    var of = new EvaluationParams.LibraryParams.Builder();
    of.expressions(names);
    var parameters = new EvaluationParams.Builder();
    parameters.library(id, of.build());
    parameters.setContextParameter(new Pair<>("Patient", patient.id));
    parameters.setParameters(Map.of(AS_OF, new DateTime(at)));
    parameters.setEvaluationDateTime(at.toZonedDateTime());
    return engine.evaluate(parameters.build()).getOnlyResultOrThrow();
  }

  private static String cause(Throwable error) {
    while (error.getCause() != null && error.getCause() != error) error = error.getCause();
    return error.getClass().getSimpleName() + ": " + error.getMessage();
  }

  /** The libraries bring their codes themselves. */
  private static final class NoTerminology implements TerminologyProvider {
    @Override
    public boolean in(org.opencds.cqf.cql.engine.runtime.Code code, ValueSetInfo valueSet) {
      throw new UnsupportedOperationException("a value set of a terminology service");
    }

    @Override
    public Iterable<org.opencds.cqf.cql.engine.runtime.Code> expand(ValueSetInfo valueSet) {
      throw new UnsupportedOperationException("a value set of a terminology service");
    }

    @Override
    public org.opencds.cqf.cql.engine.runtime.Code lookup(
        org.opencds.cqf.cql.engine.runtime.Code code, CodeSystemInfo system) {
      throw new UnsupportedOperationException("a code system of a terminology service");
    }
  }
}
