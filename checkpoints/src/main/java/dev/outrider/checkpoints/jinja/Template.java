package dev.outrider.checkpoints.jinja;

import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;

/**
 * A Jinja template, as Hugging Face transformers renders chat templates: trim_blocks, lstrip_blocks, loop
 * controls, {@code generation} blocks, raise_exception, strftime_now, a tojson without HTML escaping, values
 * printed as Python prints them, nothing that changes a value or leaves the sandbox. Steps, depth and text are
 * bounded, so that every template ends. Not supported: inheritance, includes, imports, recursive loops, and the
 * escaping of what is added to text marked {@code safe}.
 *
 * <p>Own code because the library for it, HubSpot's jinjava (2.8.3, tried with trimBlocks, lstripBlocks and all
 * legacy overrides on; 9.5 MB with what it needs), gives other text for 16 of the 22 templates of
 * {@code goldens/chat/jinja}: true, null for True, None; no lstrip, no items of strings, no {@code 'a' * 3};
 * loop filters, {@code {%+}, comments' signs, tojson's spaces and indent, the scope of set in a loop.
 */
public final class Template {
    private final List<Statement> body;

    private Template(List<Statement> body) {
        this.body = body;
    }

    /** A part [from, to) of the text, in UTF-16 units. */
    public record Span(int from, int to) {}

    /**
     * What was rendered.
     *
     * @param marks what came out of {@code generation} blocks, in order
     * @param marksLost whether one was inside a macro or a captured block, so that its place is not known
     */
    public record Output(String text, List<Span> marks, boolean marksLost) {}

    /** @throws TemplateException where it is no template, or uses what is not supported */
    public static Template parse(String template) {
        return new Template(Parser.parse(template));
    }

    /**
     * @param variables strings, numbers, booleans, null, and lists and maps of them
     * @param now for strftime_now
     * @throws TemplateException where the template refuses, or something in it fails
     */
    public Output render(Map<String, ?> variables, LocalDateTime now) {
        Scope functions = new Scope(null);
        Functions.define(functions, now);
        Scope globals = new Scope(functions);
        variables.forEach((name, value) -> globals.set(name, Python.value(value)));
        try {
            return new Interpreter().output(body, globals);
        } catch (StackOverflowError e) {
            throw TemplateException.of("expressions or calls nested too deeply");
        }
    }
}
