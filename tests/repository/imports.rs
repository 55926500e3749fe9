//! Finds out which source file uses which other one. Re-exports are followed to the file that defines the item.
//!
//! It reads text, not types: paths, `use` declarations, `mod` declarations and the names of items. A method call is not
//! an import. A file that only declares `mod x;` and re-exports from it does not import `x`.

use std::collections::{BTreeMap, BTreeSet};

/// Source text by path, such as `src/vault/open.rs`.
pub(crate) type Sources = BTreeMap<String, String>;
/// For each file the files that it uses, each with a path in the code that shows it.
pub(crate) type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// The imports between the files of one crate, of which `root` is the first one (`src/lib.rs`).
pub(crate) fn of_crate(sources: &Sources, root: &str) -> Imports {
    let mut tree = Tree { sources, modules: Vec::new() };
    tree.add_file(root, None, true);
    tree.imports()
}

/// The groups of files that reach each other in a circle, with the imports inside each group.
pub(crate) fn loops(imports: &Imports) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), reachable(imports, file))).collect();
    let mut groups = BTreeSet::new();
    for (file, below) in &reached {
        if below.contains(file) {
            let group = below.iter().filter(|other| reached.get(*other).is_some_and(|of| of.contains(file)));
            groups.insert(group.map(|other| (*other).to_owned()).collect::<BTreeSet<_>>());
        }
    }
    let inside = |group: &BTreeSet<String>| {
        let mut arrows = Vec::new();
        for file in group {
            for (used, path) in
                imports.get(file).into_iter().flatten().filter(|(used, _)| group.contains(*used))
            {
                arrows.push(format!("{file} uses {used} ({path})"));
            }
        }
        arrows
    };
    groups.iter().map(inside).collect()
}

/// All files that `file` uses, directly or through others.
fn reachable<'a>(imports: &'a Imports, file: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> =
        imports.get(file).into_iter().flat_map(|used| used.keys().map(String::as_str)).collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(imports.get(file).into_iter().flat_map(|used| used.keys().map(String::as_str)));
        }
    }
    reached
}

struct Tree<'s> {
    sources: &'s Sources,
    modules: Vec<Module>,
}

/// A module of the crate: a file, or a block `mod x { … }` within one.
#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    /// Whether the files of its children are beside its own file.
    is_root: bool,
    children: BTreeMap<String, Vec<usize>>,
    items: BTreeSet<String>,
    /// What `use` declarations bring in, by name. Several paths where `#[cfg]` chooses one.
    aliases: BTreeMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
    /// The paths that the code uses, private `use` declarations included.
    used: BTreeSet<Vec<String>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(usize),
    /// An item that this file defines.
    Item(String),
}

/// How many aliases a path may lead through.
const LONGEST_CHAIN: usize = 16;

impl Tree<'_> {
    fn add_file(&mut self, file: &str, parent: Option<usize>, is_root: bool) -> usize {
        let code = self.sources.get(file).unwrap_or_else(|| panic!("{file} is declared, but was not read"));
        let tokens = tokens(code);
        let module = self.add(Module { file: file.to_owned(), parent, is_root, ..Module::default() });
        self.read_body(module, &tokens, 0);
        module
    }

    fn add(&mut self, module: Module) -> usize {
        self.modules.push(module);
        self.modules.len() - 1
    }

    fn module(&mut self, at: usize) -> &mut Module {
        self.modules.get_mut(at).unwrap()
    }

    /// Reads the body of a module from the token at `at` on, and returns where it ends.
    fn read_body(&mut self, module: usize, tokens: &[Token], mut at: usize) -> usize {
        let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
        let is_name = |at: usize| tokens.get(at).is_some_and(|token| token.is_name);
        let mut depth = 0_usize;
        let mut is_public = false;
        let mut path_attribute = None;
        while at < tokens.len() {
            let before = if at == 0 { "" } else { word(at - 1) };
            match word(at) {
                "{" => depth += 1,
                "}" if depth == 0 => return at + 1,
                "}" => depth -= 1,
                "#" if word(at + 2) == "path" && word(at + 3) == "=" => {
                    path_attribute = Some(word(at + 4).to_owned());
                    at += 5;
                }
                "pub" => {
                    is_public = true;
                    if word(at + 1) == "(" {
                        while word(at) != ")" {
                            at += 1;
                        }
                    }
                    at += 1;
                    continue;
                }
                "use" if word(at + 1) != "<" => {
                    let end = (at..tokens.len()).find(|end| word(*end) == ";").unwrap();
                    let tree = tokens.get(at + 1..end).unwrap();
                    self.read_use(module, tree, is_public);
                    at = end;
                }
                "mod" if is_name(at + 1) => {
                    let name = word(at + 1).to_owned();
                    let path = path_attribute.take();
                    let child = if word(at + 2) == "{" {
                        let inline = Module { parent: Some(module), ..Module::default() };
                        let file = self.module(module).file.clone();
                        let child = self.add(Module { file, ..inline });
                        at = self.read_body(child, tokens, at + 3) - 1;
                        Some(child)
                    } else {
                        at += 2;
                        self.find_child(module, &name, path.as_deref())
                            .map(|file| self.add_file(&file, Some(module), false))
                    };
                    self.module(module).children.entry(name).or_default().extend(child);
                }
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static"
                    if depth == 0 && is_name(at + 1) =>
                {
                    let name = word(at + 1).to_owned();
                    self.module(module).items.insert(name);
                }
                "macro_rules" if depth == 0 => {
                    let name = word(at + 2).to_owned();
                    self.module(module).items.insert(name);
                }
                _ if is_name(at) && before != "." && before != "::" => {
                    let mut path = vec![word(at).to_owned()];
                    while word(at + 1) == "::" && is_name(at + 2) {
                        path.push(word(at + 2).to_owned());
                        at += 2;
                    }
                    self.module(module).used.insert(path);
                }
                _ => {}
            }
            is_public = false;
            at += 1;
        }
        at
    }

    /// The file of `mod name;`.
    fn find_child(&self, module: usize, name: &str, path: Option<&str>) -> Option<String> {
        let mut owner = self.modules.get(module).unwrap();
        let mut inner = Vec::new();
        while let Some(parent) =
            owner.parent.and_then(|at| self.modules.get(at)).filter(|of| of.file == owner.file)
        {
            let own = parent
                .children
                .iter()
                .find(|(_, of)| of.iter().any(|of| std::ptr::eq(self.modules.get(*of).unwrap(), owner)));
            inner.extend(own.map(|(name, _)| name.clone()));
            owner = parent;
        }
        let (folder, own) = owner.file.rsplit_once('/').unwrap_or(("", &owner.file));
        let folder = if owner.is_root || own == "mod.rs" || path.is_some() {
            folder.to_owned()
        } else {
            format!("{folder}/{}", own.trim_end_matches(".rs"))
        };
        let candidates = match path {
            Some(path) => vec![format!("{folder}/{path}")],
            None => vec![format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")],
        };
        candidates.into_iter().find(|file| self.sources.contains_key(file))
    }

    fn read_use(&mut self, module: usize, tree: &[Token], is_public: bool) {
        let mut leaves = Vec::new();
        read_use_tree(tree, &mut 0, &[], &mut leaves);
        let module = self.module(module);
        for (path, alias) in leaves {
            if alias == "*" {
                module.globs.push(path);
                continue;
            }
            if !is_public {
                module.used.insert(path.clone());
            }
            if alias != "_" {
                module.aliases.entry(alias).or_default().push(path);
            }
        }
    }

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (at, module) in self.modules.iter().enumerate() {
            let own = imports.entry(module.file.clone()).or_default();
            for path in &module.used {
                for target in self.resolve(at, path, LONGEST_CHAIN) {
                    if let Target::Item(file) = target
                        && file != module.file
                    {
                        own.entry(file).or_insert_with(|| path.join("::"));
                    }
                }
            }
        }
        imports
    }

    fn resolve(&self, from: usize, path: &[String], fuel: usize) -> BTreeSet<Target> {
        let Some((first, rest)) = path.split_first() else { return BTreeSet::new() };
        let first = match first.as_str() {
            "crate" => BTreeSet::from([Target::Module(0)]),
            "self" => BTreeSet::from([Target::Module(from)]),
            "super" => self.parent(from),
            name => self.look_up(from, name, fuel),
        };
        rest.iter().fold(first, |targets, name| {
            let step = |target| match target {
                Target::Module(at) if name == "super" => self.parent(at),
                Target::Module(at) => {
                    let found = self.look_up(at, name, fuel);
                    // What no text defines was made by a macro of that file.
                    let file = self.modules.get(at).unwrap().file.clone();
                    let is_external = self.modules.get(at).unwrap().aliases.contains_key(name);
                    if found.is_empty() && !is_external {
                        BTreeSet::from([Target::Item(file)])
                    } else {
                        found
                    }
                }
                item @ Target::Item(_) => BTreeSet::from([item]), // a variant or an associated item
            };
            targets.into_iter().flat_map(step).collect()
        })
    }

    fn parent(&self, at: usize) -> BTreeSet<Target> {
        self.modules.get(at).and_then(|module| module.parent).map(Target::Module).into_iter().collect()
    }

    /// What a name means in a module. Nothing, if it comes from another crate.
    fn look_up(&self, at: usize, name: &str, fuel: usize) -> BTreeSet<Target> {
        let module = self.modules.get(at).unwrap();
        if fuel == 0 {
            return BTreeSet::new();
        }
        if module.items.contains(name) {
            return BTreeSet::from([Target::Item(module.file.clone())]);
        }
        if let Some(children) = module.children.get(name) {
            return children.iter().map(|child| Target::Module(*child)).collect();
        }
        if let Some(paths) = module.aliases.get(name) {
            let paths = paths.iter().filter(|path| path.first().is_none_or(|first| first != name));
            return paths.flat_map(|path| self.resolve(at, path, fuel - 1)).collect();
        }
        let globs = module.globs.iter().flat_map(|path| self.resolve(at, path, fuel - 1));
        globs
            .flat_map(|target| match target {
                Target::Module(module) if module != at => self.look_up(module, name, fuel - 1),
                Target::Module(_) | Target::Item(_) => BTreeSet::new(),
            })
            .collect()
    }
}

/// The paths of a `use` declaration, each with the name that it gets.
fn read_use_tree(tree: &[Token], at: &mut usize, before: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    loop {
        let token = tree.get(*at).map_or("", |token| token.text.as_str());
        *at += 1;
        match token {
            "{" => {
                while tree.get(*at).is_some_and(|token| token.text != "}") {
                    read_use_tree(tree, at, &path, leaves);
                }
                *at += 1;
                if tree.get(*at).is_some_and(|token| token.text == ",") {
                    *at += 1;
                }
                return;
            }
            "*" => leaves.push((path.clone(), "*".to_owned())),
            "as" => {
                let alias = tree.get(*at).map(|token| token.text.clone()).unwrap_or_default();
                *at += 1;
                leaves.push((std::mem::take(&mut path), alias));
            }
            "self" if !path.is_empty() => {}
            "::" => {}
            "," | "}" | "" => {
                if token == "}" {
                    *at -= 1;
                }
                if path.len() > before.len()
                    || (path.len() == before.len() && ends_with_self(tree, *at, token))
                {
                    leaves.push((path.clone(), path.last().cloned().unwrap_or_default()));
                }
                return;
            }
            name => path.push(name.to_owned()),
        }
    }
}

/// Whether the leaf before the token at `at` is `self` within braces.
fn ends_with_self(tree: &[Token], at: usize, token: &str) -> bool {
    let last = if token == "," || token.is_empty() { at.checked_sub(2) } else { at.checked_sub(1) };
    last.and_then(|last| tree.get(last)).is_some_and(|token| token.text == "self")
}

struct Token {
    text: String,
    is_name: bool,
}

/// Names, punctuation and string literals; comments, lifetimes and numbers are left out.
fn tokens(code: &str) -> Vec<Token> {
    let letters: Vec<char> = code.chars().collect();
    let letter = |at: usize| letters.get(at).copied().unwrap_or('\0');
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let text =
        |from: usize, to: usize| letters.get(from..to.min(letters.len())).unwrap().iter().collect::<String>();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let start = at;
        match letter(at) {
            '/' if letter(at + 1) == '/' => {
                while at < letters.len() && letter(at) != '\n' {
                    at += 1;
                }
            }
            '/' if letter(at + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (letter(at), letter(at + 1)) {
                        ('/', '*') => (depth, at) = (depth + 1, at + 2),
                        ('*', '/') => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 || at >= letters.len() {
                        break;
                    }
                }
            }
            '"' => {
                at += 1;
                while at < letters.len() && letter(at) != '"' {
                    at += if letter(at) == '\\' { 2 } else { 1 };
                }
                tokens.push(Token { text: text(start + 1, at), is_name: false });
                at += 1;
            }
            // A character, or a lifetime.
            '\'' => {
                at += 1;
                if letter(at) == '\\' {
                    at += 2;
                    while letter(at) != '\'' {
                        at += 1;
                    }
                    at += 1;
                } else if letter(at + 1) == '\'' {
                    at += 2;
                } else {
                    while is_part(letter(at)) {
                        at += 1;
                    }
                }
            }
            first if first.is_ascii_digit() => {
                while is_part(letter(at)) || letter(at) == '.' && letter(at + 1).is_ascii_digit() {
                    at += 1;
                }
            }
            first if is_part(first) => {
                while is_part(letter(at)) {
                    at += 1;
                }
                let name = text(start, at);
                let hashes = (at..).take_while(|at| letter(*at) == '#').count();
                if matches!(name.as_str(), "r" | "br" | "cr") && letter(at + hashes) == '"' {
                    let end = format!("\"{}", "#".repeat(hashes));
                    at += hashes + 1;
                    while at < letters.len() && text(at, at + end.len()) != end {
                        at += 1;
                    }
                    at += end.len();
                } else if matches!(name.as_str(), "b" | "c") && matches!(letter(at), '"' | '\'') {
                    // The literal follows.
                } else {
                    tokens.push(Token { text: name, is_name: true });
                }
            }
            ':' if letter(at + 1) == ':' => {
                at += 2;
                tokens.push(Token { text: "::".into(), is_name: false });
            }
            other => {
                at += 1;
                if !other.is_whitespace() {
                    tokens.push(Token { text: other.into(), is_name: false });
                }
            }
        }
    }
    tokens
}
