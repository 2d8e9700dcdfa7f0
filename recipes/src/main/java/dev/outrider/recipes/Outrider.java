package dev.outrider.recipes;

public final class Outrider {
    public static void main(String[] a) {
        System.out.println("hi " + a.length);
    }
}
