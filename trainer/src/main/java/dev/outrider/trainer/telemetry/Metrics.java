package dev.outrider.trainer.telemetry;

import java.util.List;
import java.util.Map;

/** Hears what training measures, step by step. */
public interface Metrics extends AutoCloseable {
    /**
     * @param step optimiser steps done when the values were taken
     * @param values name to value, in a stable order; names are path-like ("train/loss")
     */
    void record(long step, Map<String, Double> values);

    @Override
    void close();

    /** One that hears nothing. */
    static Metrics none() {
        return all(List.of());
    }

    /** Passes everything on to all of them. */
    static Metrics all(List<Metrics> listeners) {
        return new Metrics() {
            @Override
            public void record(long step, Map<String, Double> values) {
                listeners.forEach(l -> l.record(step, values));
            }

            @Override
            public void close() {
                listeners.forEach(Metrics::close);
            }
        };
    }
}
