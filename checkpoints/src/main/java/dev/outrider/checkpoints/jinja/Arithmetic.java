package dev.outrider.checkpoints.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Python's operators between two values. Integers have 64 bits: what goes beyond is an error, not another number. */
final class Arithmetic {
    private static final int MOST_ITEMS = 1_000_000;

    private Arithmetic() {}

    static Object apply(String operator, Object a, Object b) {
        if (operator.equals("~")) return Text.bounded(Python.text(a) + Python.text(b));
        if (a instanceof Undefined u) throw u.error();
        if (b instanceof Undefined u) throw u.error();
        if (operator.equals("%") && a instanceof String format) {
            return Functions.printf(format, b instanceof Tuple t ? t : Collections.singletonList(b));
        }
        if (Python.number(a) && Python.number(b)) return numbers(operator, a, b);
        if (operator.equals("+") && a instanceof String x && b instanceof String y) return Text.bounded(x + y);
        if (operator.equals("+")
                && a instanceof List<?> x
                && b instanceof List<?> y
                && a instanceof Tuple == b instanceof Tuple) {
            return joined(x, y);
        }
        if (operator.equals("*") && a instanceof Long n) return repeated(b, n);
        if (operator.equals("*") && b instanceof Long n) return repeated(a, n);
        throw unsupported(operator, a, b);
    }

    private static TemplateException unsupported(String operator, Object a, Object b) {
        return TemplateException.of("unsupported operand type(s) for " + operator + ": '" + Python.type(a) + "' and '"
                + Python.type(b) + "'");
    }

    private static Object numbers(String operator, Object a, Object b) {
        boolean whole = !(a instanceof Double) && !(b instanceof Double);
        try {
            if (operator.equals("/")) return quotient(Python.decimal(a), Python.decimal(b));
            return whole
                    ? integers(operator, Python.integer(a), Python.integer(b))
                    : (Object) reals(operator, Python.decimal(a), Python.decimal(b));
        } catch (ArithmeticException e) {
            throw TemplateException.of(
                    e.getMessage().equals("/ by zero") ? "division by zero" : "integer beyond 64 bits");
        }
    }

    private static double quotient(double a, double b) {
        if (b == 0) throw new ArithmeticException("/ by zero");
        return a / b;
    }

    private static Object integers(String operator, long a, long b) {
        return switch (operator) {
            case "+" -> Math.addExact(a, b);
            case "-" -> Math.subtractExact(a, b);
            case "*" -> Math.multiplyExact(a, b);
            case "//" -> Math.floorDiv(a, b);
            case "%" -> Math.floorMod(a, b);
            case "**" -> b < 0 ? (Object) Math.pow(a, b) : (Object) power(a, b);
            default -> throw unsupported(operator, a, b);
        };
    }

    private static long power(long a, long b) {
        if (a == 0 || a == 1) return b == 0 ? 1 : a;
        if (a == -1) return b % 2 == 0 ? 1 : -1;
        long out = 1;
        for (long i = 0; i < b; i++) out = Math.multiplyExact(out, a);
        return out;
    }

    private static double reals(String operator, double a, double b) {
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "//" -> Math.floor(quotient(a, b));
            case "%" -> a - Math.floor(quotient(a, b)) * b;
            case "**" -> Math.pow(a, b);
            default -> throw unsupported(operator, a, b);
        };
    }

    private static Object repeated(Object value, long times) {
        if (value instanceof String s) return Text.repeated(s, times);
        if (!(value instanceof List<?> list)) throw unsupported("*", value, times);
        if (times > 0 && !list.isEmpty() && times > MOST_ITEMS / list.size()) throw tooMany();
        List<Object> out = new ArrayList<>();
        for (long i = 0; i < times; i++) out.addAll(list);
        return list instanceof Tuple ? new Tuple(out) : out;
    }

    private static Object joined(List<?> a, List<?> b) {
        if (a.size() + b.size() > MOST_ITEMS) throw tooMany();
        List<Object> out = new ArrayList<>(a);
        out.addAll(b);
        return a instanceof Tuple ? new Tuple(out) : out;
    }

    private static TemplateException tooMany() {
        return TemplateException.of("a list of more than " + MOST_ITEMS + " items");
    }
}
