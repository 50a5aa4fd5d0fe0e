# Whether no link that nginx comes by leads out of the code. Part of the program that seals a release; the code is root's by then.
# nginx follows links of root's to files of root's. One that leads out would give away what root owns and nginx may read, at once
# or when the application, which owns what is there, makes it lead on. So targets are walked by their names, and nothing outside
# is looked at. A link to one of the site's own shared directories, as sealing makes them, may stay: nginx follows no link to a
# directory that is not root's, and only root could put something else in its place.
judge_links() { # code, parent of the shared directories, paths of the code that nginx serves
    (
        code=$1 shared=$2
        shift 2
        {
            find "$code" -type l -printf 'link\0%P\0%l\0' &&
                { [ ! -d "$shared" ] || find "$shared" -type d ! -user root -prune -o -type d -printf 'ours\0%p\0\0'; } &&
                printf 'served\0%s\0%s\0' "$@" && printf 'end\0\0\0'
        } | LC_ALL=C sed -z 's/\\/\\\\/g; s/\n/\\n/g' | tr '\0' '\n' | around=${code%/*} LC_ALL=C awk '
            function parent(path) { return match(path, "/[^/]*$") ? substr(path, 1, RSTART - 1) : "" }
            function name(path) { sub(".*/", "", path); return path }
            # nginx denies names that begin with a dot, but for this one.
            function hidden(path) { path = name(path); return path ~ "^[.]" && path != ".well-known" }
            # Whether a path that begins at a directory outside of the code is that of a shared directory.
            function is_shared(base, path,    names, part, i, n, out) {
                out = base
                n = split(path, names, "/")
                for (i = 1; i <= n; i++) {
                    part = names[i]
                    if (part == "" || part == ".") continue
                    if (part != "..") out = out "/" part
                    else if (out == base) base = out = parent(out)
                    else return 0
                }
                return out != base && parent(out) in ours
            }
            # Where a target leads from a directory of the code: 1 into the code, to "at"; 2 to what nginx does not follow;
            # 0 out of the code.
            function walk(from, target,    rest, part, key, i, hops) {
                at = from
                rest = target
                while (rest != "") {
                    if (rest ~ "^/") return is_shared("", rest) ? 2 : 0
                    i = index(rest, "/")
                    part = i ? substr(rest, 1, i - 1) : rest
                    rest = i ? substr(rest, i + 1) : ""
                    # Of several slashes, all but the first are left.
                    sub("^/+", "", rest)
                    if (part == ".") continue
                    if (part == "..") {
                        if (at == "") return is_shared(ENVIRON["around"], rest) ? 2 : 0
                        at = parent(at)
                        continue
                    }
                    key = at == "" ? part : at "/" part
                    if (!(key in to)) { at = key; continue }
                    # The kernel gives up at 40 as well (path_resolution(7)).
                    if (++hops > 40) return 2
                    rest = rest == "" ? to[key] : to[key] "/" rest
                }
                return 1
            }
            function visit(path) { if (!(path in seen)) { seen[path] = 1; wait[++waiting] = path } }
            function refuse(text) { if (++refused <= 5) print text }
            NR % 3 == 1 { kind = $0 }
            NR % 3 == 2 { first = $0 }
            NR % 3 { next }
            kind == "link" {
                to[first] = $0
                dir = parent(first)
                of[dir, ++count[dir]] = first
                while (dir != "" && !(dir in known)) { known[dir] = 1; up = parent(dir); below[up, ++dirs[up]] = dir; dir = up }
            }
            kind == "ours" { ours[first] = 1 }
            kind == "served" { served[++most] = first }
            END {
                if (kind != "end") { print "the links of the source could not be read"; exit 1 }
                for (s = 1; s <= most; s++) {
                    place = served[s]
                    led = walk("", place)
                    if (led == 1) visit(at)
                    if (led == 0) refuse(place ", which nginx serves, leads out of the source through a link")
                    while (waiting > 0) {
                        dir = wait[waiting--]
                        for (i = 1; i <= dirs[dir]; i++) if (!hidden(below[dir, i])) visit(below[dir, i])
                        for (i = 1; i <= count[dir]; i++) {
                            link = of[dir, i]
                            if (hidden(link)) continue
                            led = walk(dir, to[link])
                            if (led == 1) visit(at)
                            if (led == 0) refuse(link " is a link that leads out of the source, to " to[link] "; nginx would serve it")
                        }
                    }
                }
                if (refused > 5) print "and " (refused - 5) " more links"
                if (refused) {
                    print "put a copy in its place; for a shared directory, make that path its \"link\""
                    exit 1
                }
            }' >&2
    )
}
