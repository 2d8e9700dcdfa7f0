package dev.outrider.checkpoints.jinja;

import dev.outrider.checkpoints.jinja.Expression.Passed;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Values of expressions, in so many steps at most. */
final class Evaluator {
    private static final int MOST_STEPS = 20_000_000;
    private int steps;

    void step() {
        if (++steps > MOST_STEPS)
            throw TemplateException.of("more than " + MOST_STEPS + " steps: the template does not end");
    }

    Object value(Expression expression, Scope scope) {
        step();
        return switch (expression) {
            case Expression.Literal e -> e.value();
            case Expression.Name e -> scope.value(e.name());
            case Expression.Attribute e -> Members.attribute(value(e.of(), scope), e.name());
            case Expression.Item e -> Members.item(value(e.of(), scope), value(e.key(), scope));
            case Expression.Slice e -> slice(e, scope);
            case Expression.Call e -> call(value(e.function(), scope), arguments(e.passed(), scope));
            case Expression.Filter e -> filtered(value(e.of(), scope), e, scope);
            case Expression.Test e ->
                Tests.holds(e.name(), value(e.of(), scope), arguments(e.passed(), scope)) != e.negated();
            case Expression.Not e -> !Python.truth(value(e.of(), scope));
            case Expression.Sign e -> sign(e.minus(), value(e.of(), scope));
            case Expression.Binary e -> Arithmetic.apply(e.operator(), value(e.left(), scope), value(e.right(), scope));
            case Expression.And e -> {
                Object left = value(e.left(), scope);
                yield Python.truth(left) ? value(e.right(), scope) : left;
            }
            case Expression.Or e -> {
                Object left = value(e.left(), scope);
                yield Python.truth(left) ? left : value(e.right(), scope);
            }
            case Expression.Comparison e -> compared(e, scope);
            case Expression.Choice e -> choice(e, scope);
            case Expression.Items e -> e.tuple() ? new Tuple(values(e.items(), scope)) : values(e.items(), scope);
            case Expression.Dictionary e -> dictionary(e, scope);
        };
    }

    Object filtered(Object value, Expression.Filter filter, Scope scope) {
        Object out = Filters.apply(filter.name(), value, arguments(filter.passed(), scope));
        if (out instanceof List<?> list) steps += list.size();
        return out;
    }

    Object call(Object function, Arguments arguments) {
        if (function instanceof Undefined u) throw u.error();
        if (!(function instanceof Callable callable)) {
            throw TemplateException.of("'" + Python.type(function) + "' object is not callable");
        }
        Object out = callable.call(arguments);
        if (out instanceof List<?> list) steps += list.size();
        return out;
    }

    Arguments arguments(Passed passed, Scope scope) {
        if (passed == Passed.NONE) return Arguments.NONE;
        Map<String, Object> named = new LinkedHashMap<>();
        for (Expression.Named n : passed.named()) named.put(n.name(), value(n.value(), scope));
        return new Arguments(values(passed.positional(), scope), named);
    }

    private List<Object> values(List<Expression> expressions, Scope scope) {
        List<Object> out = new ArrayList<>();
        for (Expression e : expressions) out.add(value(e, scope));
        return out;
    }

    private Object optional(Expression expression, Scope scope) {
        return expression == null ? null : value(expression, scope);
    }

    private Object slice(Expression.Slice e, Scope scope) {
        Object of = value(e.of(), scope);
        steps += of instanceof String s ? s.length() : 1;
        return Members.slice(of, optional(e.from(), scope), optional(e.to(), scope), optional(e.step(), scope));
    }

    private static Object sign(boolean minus, Object value) {
        return Arithmetic.apply(minus ? "-" : "+", 0L, value);
    }

    private Object choice(Expression.Choice e, Scope scope) {
        if (Python.truth(value(e.condition(), scope))) return value(e.then(), scope);
        if (e.otherwise() != null) return value(e.otherwise(), scope);
        return new Undefined("the inline if-expression evaluated to false and no else section was defined");
    }

    private Object dictionary(Expression.Dictionary e, Scope scope) {
        Map<Object, Object> out = new LinkedHashMap<>();
        for (Expression.Pair pair : e.pairs()) out.put(value(pair.key(), scope), value(pair.value(), scope));
        return out;
    }

    private boolean compared(Expression.Comparison e, Scope scope) {
        Object left = value(e.first(), scope);
        for (Expression.Link link : e.links()) {
            Object right = value(link.right(), scope);
            if (!holds(link.operator(), left, right)) return false;
            left = right;
        }
        return true;
    }

    private static boolean holds(String operator, Object a, Object b) {
        return switch (operator) {
            case "==" -> Python.equal(a, b);
            case "!=" -> !Python.equal(a, b);
            case "in" -> Python.contains(b, a);
            case "not in" -> !Python.contains(b, a);
            case "<" -> Python.compare(a, b) < 0;
            case "<=" -> Python.compare(a, b) <= 0;
            case ">" -> Python.compare(a, b) > 0;
            default -> Python.compare(a, b) >= 0;
        };
    }
}
