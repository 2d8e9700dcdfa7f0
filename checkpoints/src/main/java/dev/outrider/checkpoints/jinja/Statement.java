package dev.outrider.checkpoints.jinja;

import dev.outrider.checkpoints.jinja.Expression.Call;
import dev.outrider.checkpoints.jinja.Expression.Filter;
import java.util.List;

/** What a template does. */
sealed interface Statement {
    /** Of the template, from 1. */
    int line();

    record Data(int line, String text) implements Statement {}

    record Print(int line, Expression value) implements Statement {}

    record If(int line, Expression condition, List<Statement> then, List<Statement> otherwise) implements Statement {}

    /** filter is null where every item counts. */
    record For(
            int line,
            Target target,
            Expression items,
            Expression filter,
            List<Statement> body,
            List<Statement> otherwise)
            implements Statement {}

    record Assign(int line, Target target, Expression value) implements Statement {}

    /** The body's output, through the filters, becomes the value. */
    record Capture(int line, Target target, List<Filter> filters, List<Statement> body) implements Statement {}

    record Filtered(int line, List<Filter> filters, List<Statement> body) implements Statement {}

    record With(int line, List<Assign> assigned, List<Statement> body) implements Statement {}

    record Macro(int line, String name, List<Parameter> parameters, List<Statement> body) implements Statement {}

    /** default is null where the parameter has none. */
    record Parameter(String name, Expression otherwise) {}

    /** Calls a macro that may call the body back as {@code caller()}. */
    record CallWith(int line, List<Parameter> parameters, Call call, List<Statement> body) implements Statement {}

    /** The assistant's words; the mark of Hugging Face transformers. */
    record Generation(int line, List<Statement> body) implements Statement {}

    record Leave(int line, Flow flow) implements Statement {}

    /** Where it goes on behind a statement. */
    enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    /** What a value is bound to. */
    sealed interface Target {
        record Variable(String name) implements Target {}

        /** An attribute of a namespace. */
        record Member(String namespace, String name) implements Target {}

        record Several(List<Target> targets) implements Target {}
    }
}
