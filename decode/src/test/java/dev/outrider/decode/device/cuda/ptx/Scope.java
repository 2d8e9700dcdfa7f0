package dev.outrider.decode.device.cuda.ptx;

import java.util.HashMap;
import java.util.Map;

/** Names between two braces: registers, variables, labels, and what braces around see. */
final class Scope {
    final Scope outer;
    private final Map<String, Operand> names = new HashMap<>();
    /** Numbered registers, {@code .reg .b32 %r<9>}: name without number to the first slot. */
    private final Map<String, Range> ranges = new HashMap<>();
    /** Label to the statement that follows it. */
    final Map<String, Integer> labels = new HashMap<>();
    /** Tables of brx.idx. */
    final Map<String, String[]> tables = new HashMap<>();

    private record Range(int first, int count, Type type) {}

    Scope(Scope outer) {
        this.outer = outer;
    }

    void add(String name, Operand operand) {
        names.put(name, operand);
    }

    void add(String stem, int first, int count, Type type) {
        ranges.put(stem, new Range(first, count, type));
    }

    Operand find(String name) {
        int digits = name.length();
        while (digits > 0 && Character.isDigit(name.charAt(digits - 1))) digits--;
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Operand found = scope.names.get(name);
            if (found != null) return found;
            if (digits == name.length()) continue;
            Range range = scope.ranges.get(name.substring(0, digits));
            int number = range == null || name.length() - digits > 9 ? -1 : Integer.parseInt(name.substring(digits));
            if (number >= 0 && number < range.count) {
                return new Operand.Register(range.first + number, range.type, name);
            }
        }
        return null;
    }

    int label(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Integer found = scope.labels.get(name);
            if (found != null) return found;
        }
        return -1;
    }

    String[] table(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            String[] found = scope.tables.get(name);
            if (found != null) return found;
        }
        return null;
    }
}
