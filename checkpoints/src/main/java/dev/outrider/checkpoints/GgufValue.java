package dev.outrider.checkpoints;

import java.util.List;

/** One value of GGUF metadata, with the kind it has in the file. */
sealed interface GgufValue {
    /** Any integer; those of UINT64 above 2^63 are negative here. */
    record Whole(GgufKind kind, long value) implements GgufValue {}

    record Real(GgufKind kind, double value) implements GgufValue {}

    record Flag(boolean value) implements GgufValue {}

    record Text(String value) implements GgufValue {}

    record Wholes(GgufKind kind, long[] values) implements GgufValue {}

    record Reals(GgufKind kind, double[] values) implements GgufValue {}

    record Flags(boolean[] values) implements GgufValue {}

    record Texts(List<String> values) implements GgufValue {}

    /** An array of arrays. */
    record Nested(List<GgufValue> values) implements GgufValue {}

    static GgufValue of(String value) {
        return new Text(value);
    }

    static GgufValue of(boolean value) {
        return new Flag(value);
    }

    static GgufValue of(List<String> values) {
        return new Texts(List.copyOf(values));
    }

    /** As llama.cpp stores sizes and ids. */
    static GgufValue uint32(long value) {
        return new Whole(GgufKind.UINT32, value);
    }

    static GgufValue float32(double value) {
        return new Real(GgufKind.FLOAT32, value);
    }

    static GgufValue int32s(int[] values) {
        long[] wide = new long[values.length];
        for (int i = 0; i < wide.length; i++) wide[i] = values[i];
        return new Wholes(GgufKind.INT32, wide);
    }

    static GgufValue float32s(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) wide[i] = values[i];
        return new Reals(GgufKind.FLOAT32, wide);
    }

    /** What it is and, if short, what it says. */
    default String brief() {
        return switch (this) {
            case Whole w -> w.kind == GgufKind.UINT64 ? Long.toUnsignedString(w.value) : Long.toString(w.value);
            case Real r -> r.kind == GgufKind.FLOAT32 ? Float.toString((float) r.value) : Double.toString(r.value);
            case Flag f -> Boolean.toString(f.value);
            case Text t -> '"' + (t.value.length() > 60 ? t.value.substring(0, 60) + "..." : t.value) + '"';
            case Wholes w -> w.values.length + " integers";
            case Reals r -> r.values.length + " numbers";
            case Flags f -> f.values.length + " flags";
            case Texts t -> t.values.size() + " strings";
            case Nested n -> n.values.size() + " arrays";
        };
    }
}
