package dev.outrider.checkpoints;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Types of tensors in GGUF files that are read here; F32, F16, BF16 and Q8_0 are written as well. Quantised
 * ones come in blocks: so many values in so many bytes, within a row.
 */
public enum GgufType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    BF16(30, 1, 2);

    /** ggml's number, the name of a type in the file. */
    final int number;
    /** Values of a block. */
    final int values;
    /** Bytes of a block. */
    final int bytes;

    GgufType(int number, int values, int bytes) {
        this.number = number;
        this.values = values;
        this.bytes = bytes;
    }

    /** Whether it can be made of other values here. */
    public boolean isWritten() {
        return this == Q8_0 || plain().isPresent();
    }

    static GgufType of(DType plain) {
        return switch (plain) {
            case F32 -> F32;
            case F16 -> F16;
            case BF16 -> BF16;
            default -> throw new IllegalArgumentException("weights are not stored as " + plain);
        };
    }

    static Optional<GgufType> of(int number) {
        return Arrays.stream(values()).filter(t -> t.number == number).findFirst();
    }

    /** The same type outside GGUF; empty for quantised ones. */
    Optional<DType> plain() {
        return switch (this) {
            case F32 -> Optional.of(DType.F32);
            case F16 -> Optional.of(DType.F16);
            case BF16 -> Optional.of(DType.BF16);
            default -> Optional.empty();
        };
    }

    static String known() {
        return Arrays.stream(values())
                .map(t -> t.name() + " (" + t.number + ")")
                .collect(Collectors.joining(", "));
    }
}
