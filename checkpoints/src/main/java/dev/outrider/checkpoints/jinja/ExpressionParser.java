package dev.outrider.checkpoints.jinja;

import dev.outrider.checkpoints.jinja.Expression.Passed;
import dev.outrider.checkpoints.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Expressions, with Jinja's precedence: filters and tests bind closer than any sign. */
final class ExpressionParser {
    private static final int DEEPEST = 200;
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final Set<String> NO_ARGUMENT = Set.of("else", "or", "and", "if", "in", "not", "is", "recursive");

    private final List<Token> tokens;
    private int at;
    private int depth;

    ExpressionParser(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(at);
    }

    Token advance() {
        return tokens.get(at++);
    }

    boolean skipOperator(String sign) {
        if (!current().operator(sign)) return false;
        at++;
        return true;
    }

    boolean skipName(String word) {
        if (!current().name(word)) return false;
        at++;
        return true;
    }

    String identifier() {
        if (!current().is(Kind.NAME)) throw unexpected("a name");
        return advance().text();
    }

    void operator(String sign) {
        if (!skipOperator(sign)) throw unexpected("'" + sign + "'");
    }

    void end(Kind kind) {
        if (!current().is(kind)) throw unexpected(kind == Kind.BLOCK_END ? "'%}'" : "'}}'");
        at++;
    }

    TemplateException unexpected(String expected) {
        return new TemplateException(
                current().line(), "unexpected " + current().described() + ", expected " + expected);
    }

    /** With a conditional, and a tuple where commas follow. */
    Expression tuple() {
        return tuple(true);
    }

    /** Without a conditional: {@code if} belongs to the statement around it. */
    Expression plainTuple() {
        return tuple(false);
    }

    private Expression tuple(boolean conditional) {
        Expression first = conditional ? expression() : or();
        if (!current().operator(",")) return first;
        List<Expression> items = new ArrayList<>(List.of(first));
        while (skipOperator(",") && !ends()) items.add(conditional ? expression() : or());
        return new Expression.Items(items, true);
    }

    private boolean ends() {
        return current().is(Kind.BLOCK_END)
                || current().is(Kind.PRINT_END)
                || current().operator(")");
    }

    Expression expression() {
        if (++depth > DEEPEST) throw new TemplateException(current().line(), "expressions nested too deeply");
        Expression value = or();
        while (skipName("if")) {
            Expression condition = or();
            value = new Expression.Choice(condition, value, skipName("else") ? expression() : null);
        }
        depth--;
        return value;
    }

    private Expression or() {
        Expression left = and();
        while (skipName("or")) left = new Expression.Or(left, and());
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (skipName("and")) left = new Expression.And(left, not());
        return left;
    }

    private Expression not() {
        boolean negated = false, any = false;
        while (skipName("not")) {
            negated = !negated;
            any = true;
        }
        Expression value = comparison();
        if (!any) return value;
        Expression not = new Expression.Not(value);
        return negated ? not : new Expression.Not(not);
    }

    private Expression comparison() {
        Expression first = sum();
        List<Expression.Link> links = new ArrayList<>();
        while (true) {
            String operator = comparisonOperator();
            if (operator == null) return links.isEmpty() ? first : new Expression.Comparison(first, links);
            links.add(new Expression.Link(operator, sum()));
        }
    }

    private String comparisonOperator() {
        if (current().is(Kind.OPERATOR) && COMPARISONS.contains(current().text()))
            return advance().text();
        if (skipName("in")) return "in";
        if (!current().name("not") || !tokens.get(at + 1).name("in")) return null;
        at += 2;
        return "not in";
    }

    private Expression sum() {
        Expression left = concatenation();
        while (current().operator("+") || current().operator("-")) {
            left = new Expression.Binary(advance().text(), left, concatenation());
        }
        return left;
    }

    private Expression concatenation() {
        Expression left = product();
        while (skipOperator("~")) left = new Expression.Binary("~", left, product());
        return left;
    }

    private Expression product() {
        Expression left = power();
        while (current().is(Kind.OPERATOR)
                && Set.of("*", "/", "//", "%").contains(current().text())) {
            left = new Expression.Binary(advance().text(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (skipOperator("**")) left = new Expression.Binary("**", left, unary(true));
        return left;
    }

    private Expression unary(boolean filters) {
        if (++depth > DEEPEST) throw new TemplateException(current().line(), "expressions nested too deeply");
        Expression value;
        if (skipOperator("-")) value = new Expression.Sign(true, unary(false));
        else if (skipOperator("+")) value = new Expression.Sign(false, unary(false));
        else value = primary();
        value = postfix(value);
        depth--;
        return filters ? filtered(value) : value;
    }

    private Expression primary() {
        Token token = advance();
        return switch (token.kind()) {
            case NAME -> name(token.text());
            case STRING -> strings(token.text());
            case INTEGER -> integer(token);
            case FLOAT -> new Expression.Literal(Double.parseDouble(token.text().replace("_", "")));
            case OPERATOR -> bracket(token);
            default -> throw back("an expression");
        };
    }

    private TemplateException back(String expected) {
        at--;
        return unexpected(expected);
    }

    private static Expression name(String name) {
        return switch (name) {
            case "true", "True" -> new Expression.Literal(true);
            case "false", "False" -> new Expression.Literal(false);
            case "none", "None" -> new Expression.Literal(null);
            default -> new Expression.Name(name);
        };
    }

    // Neighbouring strings are one.
    private Expression strings(String first) {
        StringBuilder all = new StringBuilder(first);
        while (current().is(Kind.STRING)) all.append(advance().text());
        return new Expression.Literal(all.toString());
    }

    private static Expression integer(Token token) {
        try {
            return new Expression.Literal(Long.parseLong(token.text().replace("_", "")));
        } catch (NumberFormatException e) {
            throw new TemplateException(token.line(), "the integer " + token.text() + ", beyond 64 bits");
        }
    }

    private Expression bracket(Token token) {
        return switch (token.text()) {
            case "(" -> parenthesised();
            case "[" -> new Expression.Items(list("]"), false);
            case "{" -> dictionary();
            default -> throw back("an expression");
        };
    }

    private Expression parenthesised() {
        if (skipOperator(")")) return new Expression.Items(List.of(), true);
        Expression value = tuple();
        operator(")");
        return value;
    }

    private List<Expression> list(String end) {
        List<Expression> items = new ArrayList<>();
        while (!skipOperator(end)) {
            if (!items.isEmpty()) operator(",");
            if (skipOperator(end)) break;
            items.add(expression());
        }
        return items;
    }

    private Expression dictionary() {
        List<Expression.Pair> pairs = new ArrayList<>();
        while (!skipOperator("}")) {
            if (!pairs.isEmpty()) operator(",");
            if (skipOperator("}")) break;
            Expression key = expression();
            operator(":");
            pairs.add(new Expression.Pair(key, expression()));
        }
        return new Expression.Dictionary(pairs);
    }

    private Expression postfix(Expression value) {
        while (true) {
            if (skipOperator(".")) value = member(value);
            else if (skipOperator("[")) value = subscript(value);
            else if (current().operator("(")) value = new Expression.Call(value, passed());
            else return value;
        }
    }

    private Expression member(Expression of) {
        if (current().is(Kind.INTEGER)) return new Expression.Item(of, integer(advance()));
        return new Expression.Attribute(of, identifier());
    }

    private Expression subscript(Expression of) {
        Expression from = current().operator(":") ? null : tuple();
        if (skipOperator("]")) return new Expression.Item(of, from);
        operator(":");
        Expression to = current().operator(":") || current().operator("]") ? null : expression();
        Expression step = skipOperator(":") && !current().operator("]") ? expression() : null;
        operator("]");
        return new Expression.Slice(of, from, to, step);
    }

    private Expression filtered(Expression value) {
        while (true) {
            if (skipOperator("|")) value = filter(value);
            else if (skipName("is")) value = test(value);
            else if (current().operator("(")) value = new Expression.Call(value, passed());
            else return value;
        }
    }

    /** Behind the bar: the filter's name and arguments. */
    Expression.Filter filter(Expression of) {
        String name = identifier();
        return new Expression.Filter(of, name, current().operator("(") ? passed() : Passed.NONE);
    }

    private Expression test(Expression of) {
        boolean negated = skipName("not");
        String name = identifier();
        return new Expression.Test(of, name, testArguments(), negated);
    }

    private Passed testArguments() {
        if (current().operator("(")) return passed();
        boolean starts = switch (current().kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !NO_ARGUMENT.contains(current().text());
            case OPERATOR -> current().operator("[") || current().operator("{");
            default -> false;
        };
        return starts ? new Passed(List.of(postfix(primary())), List.of()) : Passed.NONE;
    }

    Passed passed() {
        operator("(");
        List<Expression> positional = new ArrayList<>();
        List<Expression.Named> named = new ArrayList<>();
        while (!skipOperator(")")) {
            if (positional.size() + named.size() > 0) operator(",");
            if (skipOperator(")")) break;
            boolean names = current().is(Kind.NAME) && tokens.get(at + 1).operator("=");
            if (!names && !named.isEmpty()) throw unexpected("name=value");
            if (names) named.add(named());
            else positional.add(expression());
        }
        return new Passed(positional, named);
    }

    private Expression.Named named() {
        String name = identifier();
        operator("=");
        return new Expression.Named(name, expression());
    }
}
