# What jq defines, filters in the wild use, and jaq's library leaves out.

def toarray: if isarray then . else [.] end;
def leaf_paths: paths(scalars);
def trimstr($text): ltrimstr($text) | rtrimstr($text);
def ascii: [.] | implode;

def IN(candidates): any(candidates == .; .);
def IN(source; candidates): any(source == candidates; .);
def INDEX(rows; key): reduce rows as $row ({}; .[$row | key | tostring] = $row);
def INDEX(key): INDEX(.[]; key);

def replace_text($old; $new): split($old) | join($new);
def cells(text): map(
    if isstring then text
    elif . == null then ""
    elif isboolean or isnumber then tostring
    else error("only strings, numbers, booleans and null can be cells of a table") end
  );
def @csv: cells("\"" + replace_text("\""; "\"\"") + "\"") | join(",");
def @tsv: cells(
    replace_text("\\"; "\\\\") | replace_text("\t"; "\\t")
    | replace_text("\n"; "\\n") | replace_text("\r"; "\\r")
  ) | join("\t");

def put($path; $value):
  if $path == [] then $value
  else
    $path[0] as $key
    | if $key | isstring then . // {}
      elif $key | isnumber and . >= 0 then . // [] | . + [range($key + 1 - length) | null]
      else error("only names and positions from the beginning can be picked") end
    | .[$key] = (.[$key] | put($path[1:]; $value))
  end;
def pick(paths): reduce path_value(paths) as [$path, $value] (null; put($path; $value));
