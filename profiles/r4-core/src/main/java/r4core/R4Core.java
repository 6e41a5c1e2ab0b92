package r4core;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.IParser;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.Bundle.BundleEntryComponent;
import org.hl7.fhir.r4.model.DomainResource;
import org.hl7.fhir.r4.model.Resource;

/**
 * The definitions of FHIR R4 (4.0.1) as an unpacked npm-style package, a resource a file.
 *
 * <p>Argument: the folder to fill. What stands in it is what HAPI ships; only narratives are left out.
 */
public final class R4Core {

    private static final String FOLDER = "/org/hl7/fhir/r4/model/";
    private static final List<String> FILES = List.of(
            "profile/profiles-types.xml",
            "profile/profiles-resources.xml",
            "profile/profiles-others.xml",
            "extension/extension-definitions.xml",
            "valueset/valuesets.xml",
            "valueset/v3-codesystems.xml",
            "valueset/v2-tables.xml");
    private static final String MANIFEST =
            """
            {
              "name": "hl7.fhir.r4.core",
              "version": "4.0.1",
              "type": "fhir.core",
              "canonical": "http://hl7.org/fhir",
              "fhirVersions": ["4.0.1"]
            }
            """;

    private R4Core() {}

    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        Files.createDirectories(folder);
        FhirContext context = FhirContext.forR4();
        IParser xml = context.newXmlParser();
        IParser json = context.newJsonParser();
        xml.setOverrideResourceIdWithBundleEntryFullUrl(false);
        for (String file : FILES) {
            for (BundleEntryComponent entry : read(xml, file).getEntry()) {
                write(json, entry.getResource(), folder);
            }
        }
        Files.writeString(folder.resolve("package.json"), MANIFEST);
    }

    private static Bundle read(IParser xml, String file) throws IOException {
        try (InputStream found = R4Core.class.getResourceAsStream(FOLDER + file)) {
            if (found == null) {
                throw new IOException(FOLDER + file + " is not among HAPI's resources");
            }
            Reader text = new InputStreamReader(found, StandardCharsets.UTF_8);
            return xml.parseResource(Bundle.class, text);
        }
    }

    private static void write(IParser json, Resource resource, Path folder) throws IOException {
        if (resource instanceof DomainResource told) {
            told.setText(null);
        }
        String name = resource.fhirType() + "-" + resource.getIdElement().getIdPart() + ".json";
        Files.writeString(folder.resolve(name), json.encodeResourceToString(resource));
    }
}
