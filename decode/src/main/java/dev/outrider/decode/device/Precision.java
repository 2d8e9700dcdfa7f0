package dev.outrider.decode.device;

/** How a device multiplies in products of many rows. */
public enum Precision {
    F32,
    /**
     * Both factors are rounded to BF16 (to nearest, ties to even), their products summed in F32: what is called mixed precision
     * (Micikevicius et al., 1710.03740) where weights, as here, stay F32. For training: a device of this precision
     * does not promise what {@link Device#ROW_BLOCK} says.
     */
    BF16
}
