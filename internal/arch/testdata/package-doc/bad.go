//as wire

package wire // want "package-doc: package wire has no package doc"
