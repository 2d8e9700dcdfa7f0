package dev.outrider.recipes;

import java.util.List;

/** One stage of a recipe; verbs of the same names run them one by one. */
public interface Stage {
    String name();

    /** The settings that its result depends on, apart from those of the stages before it. */
    List<Object> settings(Recipe recipe);

    /** Does the work, going on where an interrupted one ended. */
    void run(Run run) throws Exception;

    /** Removes what an earlier run with other settings left. */
    void clean(Run run) throws Exception;
}
