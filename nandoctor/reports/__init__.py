"""One file a format; each reads only `nandoctor.finding`."""
