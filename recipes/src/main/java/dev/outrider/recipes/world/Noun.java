package dev.outrider.recipes.world;

/** A noun: one cup, many cups. */
record Noun(String one, String many) {
    /** Written as {@code cup/cups} in the grammar. */
    static Noun of(String entry) {
        String[] forms = entry.split("/");
        return new Noun(forms[0], forms[1]);
    }

    String of(int count) {
        return count == 1 ? one : many;
    }
}
