package dev.outrider.checkpoints.jinja;

import dev.outrider.checkpoints.jinja.Statement.Flow;
import dev.outrider.checkpoints.jinja.Statement.Parameter;
import dev.outrider.checkpoints.jinja.Statement.Target;
import dev.outrider.checkpoints.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Statements. */
final class Parser {
    private static final int DEEPEST = 100;
    private final ExpressionParser in;
    private int depth;
    private int loops;

    private Parser(List<Token> tokens) {
        this.in = new ExpressionParser(tokens);
    }

    static List<Statement> parse(String template) {
        return new Parser(Lexer.tokens(template)).body(Set.of());
    }

    // Up to a block that begins with one of the words, which is left behind its name.
    private List<Statement> body(Set<String> until) {
        if (++depth > DEEPEST) throw new TemplateException(in.current().line(), "blocks nested too deeply");
        List<Statement> out = new ArrayList<>();
        while (true) {
            Token token = in.advance();
            switch (token.kind()) {
                case DATA -> out.add(new Statement.Data(token.line(), token.text()));
                case PRINT_BEGIN -> out.add(print(token.line()));
                case BLOCK_BEGIN -> {
                    if (in.current().is(Kind.NAME)
                            && until.contains(in.current().text())) {
                        depth--;
                        return out;
                    }
                    out.add(statement(token.line()));
                }
                default -> {
                    if (!until.isEmpty()) throw missing(token, until);
                    return out;
                }
            }
        }
    }

    private static TemplateException missing(Token token, Set<String> until) {
        return new TemplateException(
                token.line(),
                "unexpected end of the template, expected "
                        + until.stream()
                                .sorted()
                                .reduce((a, b) -> a + " or " + b)
                                .orElseThrow());
    }

    private Statement print(int line) {
        Expression value = in.tuple();
        in.end(Kind.PRINT_END);
        return new Statement.Print(line, value);
    }

    private Statement statement(int line) {
        String word = in.identifier();
        return switch (word) {
            case "if" -> condition(line);
            case "for" -> loop(line);
            case "set" -> set(line);
            case "macro" -> macro(line);
            case "call" -> call(line);
            case "filter" -> filtered(line);
            case "with" -> with(line);
            case "generation" -> generation(line);
            case "break" -> leave(line, word, Flow.BREAK);
            case "continue" -> leave(line, word, Flow.CONTINUE);
            default -> throw new TemplateException(line, "Encountered unknown tag '" + word + "'");
        };
    }

    private Statement condition(int line) {
        Expression condition = in.plainTuple();
        in.end(Kind.BLOCK_END);
        List<Statement> then = body(Set.of("elif", "else", "endif"));
        int next = in.current().line();
        List<Statement> otherwise = List.of();
        if (in.skipName("elif")) return new Statement.If(line, condition, then, List.of(condition(next)));
        if (in.skipName("else")) otherwise = closed("endif");
        else last();
        return new Statement.If(line, condition, then, otherwise);
    }

    // The end of the block that is open, the body up to its closing word, and that to its end.
    private List<Statement> closed(String word) {
        in.end(Kind.BLOCK_END);
        List<Statement> body = body(Set.of(word));
        last();
        return body;
    }

    private void last() {
        in.advance();
        in.end(Kind.BLOCK_END);
    }

    private Statement loop(int line) {
        Target target = targets();
        if (!in.skipName("in")) throw in.unexpected("'in'");
        Expression items = in.plainTuple();
        Expression filter = in.skipName("if") ? in.expression() : null;
        if (in.current().name("recursive")) throw new TemplateException(line, "recursive loops are not supported");
        in.end(Kind.BLOCK_END);
        loops++;
        List<Statement> body = body(Set.of("else", "endfor"));
        loops--;
        List<Statement> otherwise = List.of();
        if (in.skipName("else")) otherwise = closed("endfor");
        else last();
        return new Statement.For(line, target, items, filter, body, otherwise);
    }

    private Target targets() {
        List<Target> targets = new ArrayList<>(List.of(target()));
        while (in.skipOperator(",")) targets.add(target());
        return targets.size() == 1 ? targets.getFirst() : new Target.Several(targets);
    }

    private Target target() {
        if (in.skipOperator("(")) {
            Target inner = targets();
            in.operator(")");
            return inner;
        }
        String name = in.identifier();
        return in.skipOperator(".") ? new Target.Member(name, in.identifier()) : new Target.Variable(name);
    }

    private Statement set(int line) {
        Target target = targets();
        if (in.skipOperator("=")) {
            Expression value = in.tuple();
            in.end(Kind.BLOCK_END);
            return new Statement.Assign(line, target, value);
        }
        List<Expression.Filter> filters = filters();
        return new Statement.Capture(line, target, filters, closed("endset"));
    }

    private List<Expression.Filter> filters() {
        List<Expression.Filter> filters = new ArrayList<>();
        while (in.skipOperator("|")) filters.add(in.filter(null));
        return filters;
    }

    private Statement filtered(int line) {
        List<Expression.Filter> filters = new ArrayList<>(List.of(in.filter(null)));
        filters.addAll(filters());
        return new Statement.Filtered(line, filters, closed("endfilter"));
    }

    private Statement with(int line) {
        List<Statement.Assign> assigned = new ArrayList<>();
        while (!in.current().is(Kind.BLOCK_END)) {
            if (!assigned.isEmpty()) in.operator(",");
            Target target = target();
            in.operator("=");
            assigned.add(new Statement.Assign(line, target, in.expression()));
        }
        return new Statement.With(line, assigned, closed("endwith"));
    }

    private Statement macro(int line) {
        String name = in.identifier();
        List<Parameter> parameters = parameters();
        return new Statement.Macro(line, name, parameters, outsideLoops("endmacro"));
    }

    private List<Statement> outsideLoops(String end) {
        int around = loops;
        loops = 0;
        List<Statement> body = closed(end);
        loops = around;
        return body;
    }

    private List<Parameter> parameters() {
        in.operator("(");
        List<Parameter> out = new ArrayList<>();
        while (!in.skipOperator(")")) {
            if (!out.isEmpty()) in.operator(",");
            String name = in.identifier();
            out.add(new Parameter(name, in.skipOperator("=") ? in.expression() : null));
        }
        return out;
    }

    private Statement call(int line) {
        List<Parameter> parameters = in.current().operator("(") ? parameters() : List.of();
        if (!(in.expression() instanceof Expression.Call call)) throw in.unexpected("a call before it");
        return new Statement.CallWith(line, parameters, call, outsideLoops("endcall"));
    }

    private Statement generation(int line) {
        return new Statement.Generation(line, closed("endgeneration"));
    }

    private Statement leave(int line, String word, Flow flow) {
        if (loops == 0) throw new TemplateException(line, "'" + word + "' outside a loop");
        in.end(Kind.BLOCK_END);
        return new Statement.Leave(line, flow);
    }
}
