package dev.outrider.recipes;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Imports point downwards only: recipes, trainer, data, decode, checkpoints. */
@AnalyzeClasses(packages = "dev.outrider", importOptions = LayersTest.NoTests.class)
class LayersTest {
    /** Leaves out test folders, and the jars of other modules' test support. */
    static final class NoTests implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return Predefined.DO_NOT_INCLUDE_TESTS.includes(location) && !location.contains("-tests.jar");
        }
    }

    @ArchTest
    static final ArchRule ORDER = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("checkpoints")
            .definedBy("dev.outrider.checkpoints..")
            .layer("decode")
            .definedBy("dev.outrider.decode..")
            .layer("data")
            .definedBy("dev.outrider.data..")
            .layer("trainer")
            .definedBy("dev.outrider.trainer..")
            .layer("recipes")
            .definedBy("dev.outrider.recipes..")
            .whereLayer("recipes")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("trainer")
            .mayOnlyBeAccessedByLayers("recipes")
            .whereLayer("data")
            .mayOnlyBeAccessedByLayers("trainer", "recipes")
            .whereLayer("decode")
            .mayOnlyBeAccessedByLayers("data", "trainer", "recipes");

    @ArchTest
    static final ArchRule DECODE_KNOWS_NEITHER_SPARK_NOR_DL4J = noClasses()
            .that()
            .resideInAnyPackage("dev.outrider.checkpoints..", "dev.outrider.decode..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.apache.spark..", "org.nd4j..", "org.deeplearning4j..", "scala..");

    @ArchTest
    static final ArchRule CHECKPOINTS_ARE_JDK_AND_JACKSON = classes()
            .that()
            .resideInAPackage("dev.outrider.checkpoints..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "dev.outrider.checkpoints..",
                    "java..",
                    "javax..",
                    "com.fasterxml.jackson..",
                    "jdk..",
                    "com.sun.management..");

    @ArchTest
    static final ArchRule SHARDS_ARE_READ_WITHOUT_SPARK = noClasses()
            .that()
            .resideInAPackage("dev.outrider.data.shard..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.apache.spark..", "scala..");

    @ArchTest
    static final ArchRule VERBS_LOAD_SPARK_AND_DL4J_ONLY_WHEN_THEY_RUN = noClasses()
            .that()
            .resideInAnyPackage("dev.outrider.recipes", "dev.outrider.recipes.verb..", "dev.outrider.recipes.report..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.apache.spark..", "org.nd4j..", "org.deeplearning4j..");
}
