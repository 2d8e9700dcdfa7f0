package dev.outrider.checkpoints.jinja;

import dev.outrider.checkpoints.jinja.Statement.Flow;
import dev.outrider.checkpoints.jinja.Statement.Parameter;
import dev.outrider.checkpoints.jinja.Statement.Target;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs a template once. */
final class Interpreter {
    private static final int DEEPEST_CALL = 100;
    private final Evaluator evaluator = new Evaluator();
    private final List<Template.Span> marks = new ArrayList<>();
    private StringBuilder out = new StringBuilder();
    private int captures;
    private int calls;
    private int loops;
    private boolean marksLost;

    Template.Output output(List<Statement> body, Scope scope) {
        run(body, scope);
        return new Template.Output(out.toString(), marks, marksLost);
    }

    private Flow run(List<Statement> body, Scope scope) {
        for (Statement statement : body) {
            Flow flow = run(statement, scope);
            if (flow != Flow.NEXT) return flow;
        }
        return Flow.NEXT;
    }

    private Flow run(Statement statement, Scope scope) {
        try {
            evaluator.step();
            return execute(statement, scope);
        } catch (TemplateException e) {
            throw e.at(statement.line());
        }
    }

    private Flow execute(Statement statement, Scope scope) {
        switch (statement) {
            case Statement.Data s -> print(s.text());
            case Statement.Print s -> print(Python.text(evaluator.value(s.value(), scope)));
            case Statement.If s -> {
                return run(truth(s.condition(), scope) ? s.then() : s.otherwise(), scope);
            }
            case Statement.For s -> {
                return loop(s, scope);
            }
            case Statement.Assign s -> assign(s.target(), evaluator.value(s.value(), scope), scope);
            case Statement.Capture s -> assign(s.target(), captured(s.body(), s.filters(), scope), scope);
            case Statement.Filtered s -> print(Python.text(captured(s.body(), s.filters(), scope)));
            case Statement.With s -> {
                return with(s, scope);
            }
            case Statement.Macro s -> scope.set(s.name(), macro(s.name(), s.parameters(), s.body(), scope));
            case Statement.CallWith s -> callWith(s, scope);
            case Statement.Generation s -> {
                return generation(s, scope);
            }
            case Statement.Leave s -> {
                return s.flow();
            }
        }
        return Flow.NEXT;
    }

    private boolean truth(Expression condition, Scope scope) {
        return Python.truth(evaluator.value(condition, scope));
    }

    private void print(String text) {
        out.append(text);
        if (out.length() > Text.LONGEST) throw Text.tooLong();
    }

    private Flow loop(Statement.For s, Scope scope) {
        List<Object> items = new ArrayList<>();
        for (Object item : Python.items(evaluator.value(s.items(), scope))) {
            Scope inner = new Scope(scope);
            if (s.filter() != null) assign(s.target(), item, inner);
            if (s.filter() == null || truth(s.filter(), inner)) items.add(item);
        }
        if (items.isEmpty()) return run(s.otherwise(), new Scope(scope));
        Loop loop = new Loop(items, ++loops);
        for (int i = 0; i < items.size(); i++) {
            loop.at(i);
            Scope inner = new Scope(scope);
            inner.set("loop", loop);
            assign(s.target(), items.get(i), inner);
            if (run(s.body(), inner) == Flow.BREAK) break;
        }
        loops--;
        return Flow.NEXT;
    }

    private void assign(Target target, Object value, Scope scope) {
        switch (target) {
            case Target.Variable t -> scope.set(t.name(), value);
            case Target.Member t -> {
                if (!(scope.value(t.namespace()) instanceof Namespace n)) {
                    throw TemplateException.of("cannot assign attribute on non-namespace object");
                }
                n.members().put(t.name(), value);
            }
            case Target.Several t -> unpack(t.targets(), Python.items(value), scope);
        }
    }

    private void unpack(List<Target> targets, List<?> values, Scope scope) {
        if (targets.size() != values.size()) {
            throw TemplateException.of(values.size() + " values to unpack, expected " + targets.size());
        }
        for (int i = 0; i < values.size(); i++) assign(targets.get(i), values.get(i), scope);
    }

    private Object captured(List<Statement> body, List<Expression.Filter> filters, Scope scope) {
        Object value = captured(body, new Scope(scope));
        for (Expression.Filter filter : filters) value = evaluator.filtered(value, filter, scope);
        return value;
    }

    private String captured(List<Statement> body, Scope scope) {
        StringBuilder outside = out;
        out = new StringBuilder();
        captures++;
        try {
            run(body, scope);
            return out.toString();
        } finally {
            captures--;
            out = outside;
        }
    }

    private Flow with(Statement.With s, Scope scope) {
        Scope inner = new Scope(scope);
        for (Statement.Assign a : s.assigned()) assign(a.target(), evaluator.value(a.value(), scope), inner);
        return run(s.body(), inner);
    }

    // What is captured first lands elsewhere, if anywhere: then its place is not known.
    private Flow generation(Statement.Generation s, Scope scope) {
        int from = out.length();
        Flow flow = run(s.body(), new Scope(scope));
        if (captures > 0) marksLost = true;
        else marks.add(new Template.Span(from, out.length()));
        return flow;
    }

    private Callable macro(String name, List<Parameter> parameters, List<Statement> body, Scope scope) {
        return arguments -> {
            if (++calls > DEEPEST_CALL) throw TemplateException.of("macro '" + name + "' calls itself too deeply");
            Scope inner = new Scope(scope);
            bind(name, parameters, arguments, inner);
            String text = captured(body, inner);
            calls--;
            return text;
        };
    }

    private void bind(String name, List<Parameter> parameters, Arguments given, Scope inner) {
        Map<String, Object> others = new HashMap<>(given.named());
        for (int i = 0; i < parameters.size(); i++) {
            Parameter p = parameters.get(i);
            Object otherwise = new Undefined("parameter '" + p.name() + "' was not provided");
            if (!given.has(i, p.name()) && p.otherwise() != null) otherwise = evaluator.value(p.otherwise(), inner);
            inner.set(p.name(), given.value(i, p.name(), otherwise));
            others.remove(p.name());
        }
        inner.set(
                "caller",
                others.containsKey("caller") ? others.remove("caller") : new Undefined("'caller' is undefined"));
        inner.set("kwargs", new LinkedHashMap<Object, Object>(others));
        int size = given.positional().size();
        inner.set("varargs", new Tuple(given.positional().subList(Math.min(size, parameters.size()), size)));
    }

    private void callWith(Statement.CallWith s, Scope scope) {
        Arguments given = evaluator.arguments(s.call().passed(), scope);
        Map<String, Object> named = new LinkedHashMap<>(given.named());
        named.put("caller", macro("caller", s.parameters(), s.body(), scope));
        Object function = evaluator.value(s.call().function(), scope);
        print(Python.text(evaluator.call(function, new Arguments(given.positional(), named))));
    }
}
