package dev.outrider.recipes;

import dev.outrider.decode.device.Precision;
import java.nio.file.Path;
import java.util.List;

/** One stage of a recipe; verbs of the same names run them one by one. */
public interface Stage {
    String name();

    /** Names of the stages that it goes on from; each stands before it in {@link Stages#of}. */
    List<String> needs(Recipe recipe);

    /** The settings that its result depends on, apart from those of the stages that it needs. */
    List<Object> settings(Recipe recipe);

    /** Does the work, going on where an interrupted one ended. */
    void run(Run run) throws Exception;

    /** Of its matrix products, in this run. */
    default Precision precision(Recipe recipe) {
        return Precision.F32;
    }

    /** Whether it runs finished models, on the device that the recipe names. */
    default boolean runsModels() {
        return false;
    }

    /** Folders that it leaves without a word on where they come from; each gets its provenance. */
    default List<Path> artefacts(Run run) {
        return List.of();
    }

    /** Removes what an earlier run with other settings left; what took long to make is kept aside. */
    void clean(Run run) throws Exception;

    /** Whether it saves what it has reached when it is interrupted, and so is worth waiting for. */
    default boolean saves() {
        return false;
    }
}
