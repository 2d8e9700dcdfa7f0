package dev.outrider.decode.device.cuda.ptx;

import dev.outrider.decode.device.cuda.ptx.Module.Function;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** PTX text to a {@link Module}; grammar of the PTX ISA, chapters 4, 5 and 11. */
final class Parser {
    private final Tokens tokens;
    private final Module module = new Module();
    private final Scope outside = new Scope(null);

    private Parser(String text) {
        tokens = new Tokens(text);
    }

    static Module parse(String text) {
        Parser parser = new Parser(text);
        while (!parser.tokens.ended()) parser.topLevel();
        return parser.module;
    }

    private void topLevel() {
        switch (tokens.peek()) {
            case ".version" -> {
                tokens.next();
                tokens.next();
            }
            case ".target" -> {
                tokens.next();
                String target = tokens.next();
                module.target = Integer.parseInt(target.replaceAll("\\D", ""));
                while (tokens.taken(",")) tokens.next();
            }
            case ".address_size" -> {
                tokens.next();
                if (tokens.integer() != 64) throw tokens.fault("addresses are 64 bits here");
            }
            case ".section" -> section();
            case ".pragma" -> pragma();
            default -> linked();
        }
    }

    /** Debug information: of no meaning. */
    private void section() {
        while (!tokens.taken("{")) tokens.next();
        for (int depth = 1; depth > 0; ) {
            String next = tokens.next();
            depth += next.equals("{") ? 1 : next.equals("}") ? -1 : 0;
        }
    }

    private void pragma() {
        while (!tokens.next().equals(";")) continue;
    }

    private void linked() {
        while (List.of(".visible", ".extern", ".weak", ".common").contains(tokens.peek())) tokens.next();
        switch (tokens.peek()) {
            case ".entry" -> function(true);
            case ".func" -> function(false);
            default -> module.variables.add(variable(outside, null));
        }
    }

    /** {@code .global .align 4 .b8 name[16] = {..};} and its like, in a function or outside. */
    private Variable variable(Scope scope, Function function) {
        int line = tokens.line();
        String word = tokens.next();
        Variable.Space space = switch (word) {
            case ".global" -> Variable.Space.GLOBAL;
            case ".const" -> Variable.Space.CONST;
            case ".shared" -> Variable.Space.SHARED;
            case ".local" -> Variable.Space.LOCAL;
            case ".param" -> Variable.Space.FRAME;
            default -> throw new PtxFault("PTX line " + line + ": unknown directive " + word);
        };
        Variable made = declared(space);
        scope.add(made.name, new Operand.Reference(made));
        if (function != null && (space == Variable.Space.LOCAL || space == Variable.Space.FRAME)) frame(function, made);
        tokens.expect(";");
        return made;
    }

    private static void frame(Function function, Variable variable) {
        function.frame = up(function.frame, Math.max(variable.align, 1));
        variable.at = function.frame;
        function.frame += Math.toIntExact(variable.bytes);
    }

    static int up(int at, int align) {
        return (at + align - 1) / align * align;
    }

    /** What follows the state space: alignment, type, name, size, initialiser. */
    private Variable declared(Variable.Space space) {
        int align = 0;
        Type type = null;
        long count = 1;
        while (tokens.peek().startsWith(".")) {
            String word = tokens.next();
            switch (word) {
                case ".align" -> align = tokens.integer();
                case ".attribute" -> {
                    while (!tokens.next().equals(")")) continue;
                }
                case ".ptr", ".global", ".shared", ".const", ".local", ".space" -> {} // what a parameter points to
                case ".v2" -> count = 2;
                case ".v4" -> count = 4;
                default -> {
                    type = Type.named(word.substring(1));
                    if (type == null) throw tokens.fault("unknown " + word);
                }
            }
        }
        if (type == null) throw tokens.fault("a variable without a type");
        String name = tokens.next();
        while (tokens.taken("[")) {
            if (tokens.taken("]")) {
                count = -1;
            } else {
                count *= tokens.integer();
                tokens.expect("]");
            }
        }
        List<Variable.Initial> initial = new ArrayList<>();
        if (tokens.taken("=")) initialiser(initial);
        long bytes = count < 0 ? initial.isEmpty() ? -1 : (long) initial.size() * type.bytes : count * type.bytes;
        return new Variable(name, space, type, Math.max(align, type.bytes), bytes, initial);
    }

    private void initialiser(List<Variable.Initial> into) {
        if (tokens.taken("{")) {
            while (!tokens.taken("}")) {
                initialiser(into);
                tokens.taken(",");
            }
            return;
        }
        boolean generic = false;
        String symbol = null;
        long number = 0;
        if (tokens.peek().equals("generic")) {
            tokens.next();
            tokens.expect("(");
            symbol = tokens.next();
            tokens.expect(")");
            generic = true;
        } else if (number(tokens.peek()) || tokens.peek().equals("-")) {
            Operand value = literal();
            number = value instanceof Operand.Whole w
                    ? w.value()
                    : value instanceof Operand.Real r && r.single()
                            ? r.bits()
                            : Double.doubleToRawLongBits(((Operand.Real) value).value());
        } else {
            symbol = tokens.next();
            if (tokens.peek().equals("(")) throw tokens.fault("unknown initialiser " + symbol);
        }
        if (symbol != null && tokens.taken("+")) number = ((Operand.Whole) literal()).value();
        into.add(new Variable.Initial(symbol, generic, number));
    }

    private void function(boolean kernel) {
        tokens.next();
        List<Variable> results = new ArrayList<>();
        if (tokens.peek().equals("(")) parameters(results, Variable.Space.FRAME);
        int line = tokens.line();
        Function function = new Function(tokens.next(), kernel, line);
        function.results.addAll(results);
        if (tokens.peek().equals("("))
            parameters(function.parameters, kernel ? Variable.Space.PARAM : Variable.Space.FRAME);
        Scope scope = new Scope(outside);
        for (Variable v : function.parameters) scope.add(v.name, new Operand.Reference(v));
        for (Variable v : function.results) scope.add(v.name, new Operand.Reference(v));
        layOut(function);
        attributes(function);
        Function known = module.functions.get(function.name);
        if (tokens.taken(";")) {
            if (known == null) module.functions.put(function.name, function);
            return;
        }
        tokens.expect("{");
        function.body = true;
        body(function, scope);
        module.functions.put(function.name, function);
    }

    private void attributes(Function function) {
        while (tokens.peek().startsWith(".")) {
            String word = tokens.next();
            switch (word) {
                case ".noreturn", ".abi_preserve", ".abi_preserve_control" -> {}
                case ".pragma" -> pragma();
                case ".minnctapersm", ".maxnctapersm", ".maxnreg", ".maxclusterrank" -> tokens.integer();
                case ".maxntid", ".reqntid" -> {
                    int threads = tokens.integer();
                    while (tokens.taken(",")) threads *= tokens.integer();
                    function.threads = threads;
                    function.exactly = word.equals(".reqntid");
                }
                default -> throw tokens.fault("unknown directive " + word);
            }
        }
    }

    private static void layOut(Function function) {
        if (!function.kernel) {
            for (Variable v : function.results) frame(function, v);
            for (Variable v : function.parameters) frame(function, v);
            return;
        }
        int at = 0;
        for (Variable v : function.parameters) {
            v.at = up(at, v.align);
            at = Math.toIntExact(v.at + v.bytes);
        }
    }

    private void parameters(List<Variable> into, Variable.Space space) {
        tokens.expect("(");
        while (!tokens.taken(")")) {
            String word = tokens.next();
            if (!word.equals(".param") && !word.equals(".reg"))
                throw tokens.fault("expected a parameter, found " + word);
            into.add(declared(space));
            tokens.taken(",");
        }
    }

    private void body(Function function, Scope scope) {
        while (!tokens.taken("}")) {
            String word = tokens.peek();
            if (word.equals("{")) {
                tokens.next();
                body(function, new Scope(scope));
            } else if (word.equals(".reg")) {
                registers(function, scope);
            } else if (word.equals(".pragma")) {
                pragma();
            } else if (List.of(".shared", ".local", ".param", ".global", ".const")
                    .contains(word)) {
                Variable made = variable(scope, function);
                if (made.space != Variable.Space.LOCAL && made.space != Variable.Space.FRAME)
                    module.variables.add(made);
            } else if (tokens.second().equals(":") && !word.startsWith("@")) {
                label(function, scope);
            } else if (!tokens.taken(";")) {
                statement(function, scope);
            }
        }
    }

    private void label(Function function, Scope scope) {
        String name = tokens.next();
        tokens.expect(":");
        if (tokens.peek().equals(".branchtargets")) {
            tokens.next();
            List<String> targets = new ArrayList<>();
            do targets.add(tokens.next());
            while (tokens.taken(","));
            tokens.expect(";");
            scope.tables.put(name, targets.toArray(String[]::new));
        } else if (scope.labels.put(name, function.statements.size()) != null) {
            throw tokens.fault("a second label " + name);
        }
    }

    private void registers(Function function, Scope scope) {
        tokens.next();
        Type type = Type.named(tokens.next().substring(1));
        if (type == null) throw tokens.fault("a register without a type that is known");
        do {
            int first = function.registers;
            String name = tokens.next();
            if (tokens.taken("<")) {
                int count = tokens.integer();
                tokens.expect(">");
                scope.add(name, function.registers, count, type);
                function.registers += count;
            } else {
                scope.add(name, new Operand.Register(function.registers++, type, name));
            }
            if (type == Type.PRED) function.predicates.set(first, function.registers);
        } while (tokens.taken(","));
        tokens.expect(";");
    }

    private void statement(Function function, Scope scope) {
        int line = tokens.line(), guard = -1;
        boolean negated = false;
        StringBuilder text = new StringBuilder();
        if (tokens.taken("@")) {
            negated = tokens.taken("!");
            String name = tokens.next();
            if (!(scope.find(name) instanceof Operand.Register p)) throw tokens.fault("unknown predicate " + name);
            guard = p.slot();
            text.append(negated ? "@!" : "@").append(name).append(' ');
        }
        String opcode = tokens.next();
        if (!Character.isLetter(opcode.charAt(0)))
            throw tokens.fault("found '" + opcode + "', expected an instruction");
        text.append(opcode);
        List<Operand> operands = new ArrayList<>();
        while (!tokens.taken(";")) {
            operands.add(operand(scope, text.append(operands.isEmpty() ? " " : ", ")));
            if (!tokens.taken(",") && !tokens.peek().equals(";"))
                throw tokens.fault("found '" + tokens.peek() + "' in: " + text);
        }
        String[] words = Arrays.stream(opcode.split("\\.")).toArray(String[]::new);
        function.statements.add(new Statement(words, guard, negated, operands, line, text.toString(), scope));
    }

    private Operand operand(Scope scope, StringBuilder text) {
        String word = tokens.peek();
        if (word.equals("{") || word.equals("(")) {
            String end = word.equals("{") ? "}" : ")";
            text.append(tokens.next());
            List<Operand> parts = new ArrayList<>();
            while (!tokens.taken(end)) {
                parts.add(operand(scope, text.append(parts.isEmpty() ? "" : ", ")));
                tokens.taken(",");
            }
            text.append(end);
            return new Operand.Pack(parts);
        }
        if (tokens.taken("[")) {
            text.append('[');
            Operand base = operand(scope, text);
            long offset = 0;
            while (tokens.peek().equals("+") || tokens.peek().equals("-")) {
                tokens.taken("+");
                offset += ((Operand.Whole) literal()).value();
                text.append('+').append(offset);
            }
            if (base instanceof Operand.Whole w) {
                base = new Operand.Whole(w.value() + offset);
                offset = 0;
            }
            tokens.expect("]");
            text.append(']');
            return new Operand.Address(base, offset);
        }
        if (tokens.taken("!")) return new Operand.Not(operand(scope, text.append('!')));
        if (word.equals("-") || number(word)) {
            Operand value = literal();
            text.append(value instanceof Operand.Whole w ? String.valueOf(w.value()) : word);
            return value;
        }
        text.append(tokens.next());
        Operand named = named(word, scope);
        if (tokens.taken("|")) return new Operand.Both(named, operand(scope, text.append('|')));
        return named;
    }

    private static Operand named(String word, Scope scope) {
        Operand known = scope.find(word);
        if (known != null) return known;
        return word.startsWith("%") || word.equals("WARP_SZ") ? new Operand.Special(word) : new Operand.Name(word);
    }

    private static boolean number(String word) {
        return !word.isEmpty() && Character.isDigit(word.charAt(0));
    }

    private Operand literal() {
        boolean minus = tokens.taken("-");
        String word = tokens.next();
        try {
            if (word.matches("0[fF][0-9a-fA-F]{8}")) {
                int bits = Integer.parseUnsignedInt(word.substring(2), 16) ^ (minus ? Integer.MIN_VALUE : 0);
                return new Operand.Real(Float.intBitsToFloat(bits), true, bits);
            }
            if (word.matches("0[dD][0-9a-fA-F]{16}")) {
                double value = Double.longBitsToDouble(Long.parseUnsignedLong(word.substring(2), 16));
                return new Operand.Real(minus ? -value : value, false, 0);
            }
            if (word.contains(".")) {
                double value = Double.parseDouble(word);
                return new Operand.Real(minus ? -value : value, false, 0);
            }
            String digits = word.endsWith("U") ? word.substring(0, word.length() - 1) : word;
            boolean hex = digits.startsWith("0x") || digits.startsWith("0X");
            boolean binary = digits.startsWith("0b") || digits.startsWith("0B");
            long value =
                    Long.parseUnsignedLong(hex || binary ? digits.substring(2) : digits, hex ? 16 : binary ? 2 : 10);
            return new Operand.Whole(minus ? -value : value);
        } catch (NumberFormatException e) {
            throw tokens.fault("found '" + word + "', expected a number");
        }
    }
}
