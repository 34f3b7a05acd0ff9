" Made by auto/dev/manual.
au BufRead,BufNewFile weir.conf,*/weir/*.conf setfiletype weir
