package cqlengine;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Evaluates CQL libraries for one patient a line.
 *
 * <p>usage: Main FOLDER LIBRARY... — FOLDER holds the libraries' texts. A line in is `AS-OF TAB BUNDLE`, a line out is
 * `{"library": {"expression": true | false | null | "text"}}`; an expression that the engine can't evaluate has
 * `{"error": "..."}`. The first line out lists the expressions of each library.
 */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws Exception {
    var json = new ObjectMapper();
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new PrintWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
    List<String> libraries = Arrays.asList(arguments).subList(1, arguments.length);
    var engine = new Engine(arguments[0], libraries);
    answer(out, json.valueToTree(engine.expressions()).toString());
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      int tab = line.indexOf('\t');
      Patient patient = new Patient(line.substring(tab + 1));
      ObjectNode found = json.createObjectNode();
      for (Map.Entry<String, Map<String, Object>> each : engine.evaluate(patient, line.substring(0, tab)).entrySet()) {
        found.set(each.getKey(), json.valueToTree(each.getValue()));
      }
      answer(out, found.toString());
    }
  }

  private static void answer(PrintWriter out, String line) {
    out.print(line);
    out.print('\n');
    out.flush();
  }
}
