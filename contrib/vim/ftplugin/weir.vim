" Made by auto/dev/manual.
setlocal commentstring=#\ %s
setlocal iskeyword+=_
setlocal keywordprg=weir\ -H
