package dev.outrider.decode.device.cuda;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kernels that PTX declares, and what parameters they take: what the driver has to know to copy a launch's arguments. */
final class PtxEntries {
    private static final Pattern ENTRY = Pattern.compile("\\.entry\\s+([\\w$]+)\\s*(?:\\(([^)]*)\\))?");
    private static final Pattern PARAMETER =
            Pattern.compile("\\.param\\s+(?:\\.align\\s+(\\d+)\\s+)?\\.[a-z]+(\\d+)[^\\[,]*(?:\\[(\\d+)])?");

    private PtxEntries() {}

    /**
     * A parameter in .param space.
     *
     * @param offset where it begins, aligned as it is declared
     */
    record Parameter(int offset, int bytes) {}

    static Map<String, List<Parameter>> of(String ptx) {
        Map<String, List<Parameter>> all = new LinkedHashMap<>();
        Matcher entry = ENTRY.matcher(ptx);
        while (entry.find()) all.put(entry.group(1), parameters(entry.group(2)));
        return all;
    }

    private static List<Parameter> parameters(String text) {
        List<Parameter> all = new ArrayList<>();
        int end = 0;
        Matcher m = PARAMETER.matcher(text == null ? "" : text);
        while (m.find()) {
            int element = Integer.parseInt(m.group(2)) / 8;
            int alignment = m.group(1) == null ? element : Integer.parseInt(m.group(1));
            int bytes = m.group(3) == null ? element : element * Integer.parseInt(m.group(3));
            int offset = (end + alignment - 1) / alignment * alignment;
            all.add(new Parameter(offset, bytes));
            end = offset + bytes;
        }
        return all;
    }
}
