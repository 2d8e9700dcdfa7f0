package dev.outrider.checkpoints.jinja;

import java.util.List;

/** What has a value. */
sealed interface Expression {
    record Literal(Object value) implements Expression {}

    record Name(String name) implements Expression {}

    record Attribute(Expression of, String name) implements Expression {}

    record Item(Expression of, Expression key) implements Expression {}

    /** Bounds are null where left out. */
    record Slice(Expression of, Expression from, Expression to, Expression step) implements Expression {}

    record Call(Expression function, Passed passed) implements Expression {}

    record Filter(Expression of, String name, Passed passed) implements Expression {}

    record Test(Expression of, String name, Passed passed, boolean negated) implements Expression {}

    record Not(Expression of) implements Expression {}

    /** Minus or plus before a number. */
    record Sign(boolean minus, Expression of) implements Expression {}

    record Binary(String operator, Expression left, Expression right) implements Expression {}

    record And(Expression left, Expression right) implements Expression {}

    record Or(Expression left, Expression right) implements Expression {}

    /** a &lt; b &lt;= c: every neighbouring pair holds. */
    record Comparison(Expression first, List<Link> links) implements Expression {}

    record Link(String operator, Expression right) {}

    /** otherwise is null where left out: then the value is undefined. */
    record Choice(Expression condition, Expression then, Expression otherwise) implements Expression {}

    record Items(List<Expression> items, boolean tuple) implements Expression {}

    record Dictionary(List<Pair> pairs) implements Expression {}

    record Pair(Expression key, Expression value) {}

    /** What stands between the parentheses of a call, a filter or a test. */
    record Passed(List<Expression> positional, List<Named> named) {
        static final Passed NONE = new Passed(List.of(), List.of());
    }

    record Named(String name, Expression value) {}
}
