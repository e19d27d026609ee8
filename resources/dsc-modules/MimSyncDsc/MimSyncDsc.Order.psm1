# What the installing process is told and what it answers: orders, exit codes, setup logs.
# Errors begin with MimSync.<Code>: only their text gets through the LCM.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Prerequisite') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}
$script:Text = Import-LocalizedData -UICulture 'en-US' -BaseDirectory $PSScriptRoot -FileName 'MimSyncDsc.strings.psd1' -ErrorAction Stop

$script:RecordPath = 'SOFTWARE\mimc\MimSyncDsc'
$script:IdentityTimeoutSeconds = 120
# The last line of a setup log that may be shown: nobody writes it before the password was taken out.
$script:LogEnd = 'mimc: no password is in this log.'

function Invoke-Installer {
    <#
    .SYNOPSIS
    Let Windows Installer do one thing and judge its exit code; returns the path of the log.
    .PARAMETER Action
    install (of Package), patch (Package on the product), configure or remove (the product).
    #>
    param([string] $Action, [string] $Package, [string] $ProductCode, [System.Collections.IDictionary] $Property, [pscredential] $Credential, [int] $TimeoutSeconds)
    $folder = "$(Get-WorkFolder)\log"
    New-LockedFolder -Path (Get-WorkFolder)
    New-LockedFolder -Path $folder
    $log = "$folder\setup-$([System.DateTime]::UtcNow.ToString('yyyyMMdd-HHmmss-fff')).log"
    if (-not $TimeoutSeconds) { $TimeoutSeconds = 7200 }
    Write-Step -Message ($script:Text["Action$Action"] -f $TimeoutSeconds)
    $code = Invoke-Setup -Action $Action -Package $Package -ProductCode $ProductCode -LogPath $log -Property $Property -Credential $Credential -TimeoutSeconds $TimeoutSeconds
    if ($code -in 3010, 1641) {
        Set-RegistryMap -Path "$script:RecordPath\RebootPending" -Value @{ SetupExitCode = $code } -Volatile
        $global:DSCMachineStatus = 1
    } elseif ($code -ne 0) {
        $text = $script:Text["Exit$code"]
        if (-not $text) { $text = $script:Text.OtherExitCode }
        throw $script:Text.SetupFailed -f $code, $text, (Get-LogTail -Path $log)
    }
    $log
}

function Send-Order {
    <#
    .SYNOPSIS
    Write lines into the pipe of a child. The only function in which a password is plain text.
    .DESCRIPTION
    A dictionary becomes a property string in the grammar of Windows Installer: NAME="value", inner quotes doubled,
    one blank between. Lines travel as Base64 of UTF-8, whatever the code page of the pipe.
    .PARAMETER Line
    Text, a dictionary of properties, or a credential, which stands for its password.
    .PARAMETER Plain
    As the text itself, for a program that is not ours.
    #>
    param([System.IO.TextWriter] $Writer, [AllowNull()] [object[]] $Line, [switch] $Plain)
    foreach ($item in $Line) {
        $isProperty = $item -is [System.Collections.IDictionary]
        $values = $item
        if (-not $isProperty) { $values = [ordered]@{ '' = $item } }
        $parts = foreach ($name in $values.Keys) {
            $value = $values[$name]
            if ($value -is [System.Management.Automation.PSCredential]) {
                $value = $value.GetNetworkCredential().Password
                if (-not $value -or $value.StartsWith('-----BEGIN CMS-----')) {
                    throw $script:Text.Undecrypted
                }
            }
            $value = [string] $value
            if ($value.IndexOfAny([char[]] "`0`r`n") -ge 0) { throw $script:Text.ValueLineBreak -f $name }
            if ($isProperty) {
                if ($name -cnotmatch '\A[A-Z_][A-Z0-9_.]*\z') { throw $script:Text.PropertyName -f $name }
                $name + '="' + $value.Replace('"', '""') + '"'
            } else { $value }
        }
        $text = @($parts) -join ' '
        if ($text.Length -gt 32766) { throw $script:Text.PropertiesTooLong }
        if (-not $Plain) { $text = [System.Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($text)) }
        $Writer.WriteLine($text)
    }
    $Writer.Flush()
}

function Invoke-Setup {
    <# .SYNOPSIS
    Install in a child process and give setup's exit code; an installer is never killed. #>
    param([string] $Action, [string] $Package, [string] $ProductCode, [string] $LogPath, [System.Collections.IDictionary] $Property, [pscredential] $Credential, [int] $TimeoutSeconds)
    $order = $Action, $Package, $ProductCode, $LogPath, $script:LogEnd, $Property, $Credential, 'go'
    # A rehearsal: what the pipe would refuse is refused before there is anybody to hear half of it.
    Send-Order -Writer ([System.IO.TextWriter]::Null) -Line $order
    $child = Start-InstallerChild
    $identity = Read-ChildLine -Child $child -Prefix 'mimc:identity ' -TimeoutSeconds $script:IdentityTimeoutSeconds
    $expected = Get-CurrentSid
    if ($identity -ne $expected) {
        $child['Input'].Close()
        if (-not $identity) { throw $script:Text.InstallerSilent -f (Get-LastWord -Child $child) }
        throw $script:Text.InstallerIdentity -f $identity, $expected, (Get-LastWord -Child $child)
    }
    try { Send-Order -Writer $child['Input'] -Line $order }
    catch [System.IO.IOException] { Write-Verbose -Message $script:Text.InstallerEnded }
    $code = Read-ChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds $TimeoutSeconds
    if ($null -eq $code) {
        throw $script:Text.StillRunning -f $TimeoutSeconds, $LogPath
    }
    $said = Get-LastWord -Child $child
    if ($code -notmatch '\A[0-9]+\z') { throw $script:Text.NoExitCode -f $said, (Get-LogTail -Path $LogPath) }
    if ($said) { Write-Warning -Message $said.Trim() }
    [long] $code
}

function Get-LastWord {
    # What the child said last beside its answers, as a sentence to append.
    param([hashtable] $Child)
    if ($Child['Last']) { " $($script:Text.LastWord -f ($Child['Last'] -replace '\Amimc:error '))" }
}

function Get-LogTail {
    # The lines that end where the first action failed: there stands the real reason. Only of a log without password.
    param([string] $Path)
    $lines = @((Get-FileText -Path $Path).Split("`n") | ForEach-Object { $_.Trim() } | Where-Object { $_ })
    if ($lines -and $lines[-1] -cne $script:LogEnd) { return $script:Text.LogNotShown -f $Path }
    $lines = @($lines | Where-Object { $_ -cne $script:LogEnd })
    if (-not $lines) { return $script:Text.LogMissing -f $Path }
    $last = $lines.Count - 1
    for ($i = 0; $i -lt $lines.Count; $i++) {
        # An action that ended with 3, in whatever language: a time, and the number as the last word.
        if ($lines[$i] -match '\A(?!MSI \().*\d\d[:.]\d\d.*\b3\W?\z') { $last = $i; break }
    }
    $tail = $lines[[System.Math]::Max(0, $last - 3)..$last] -join ' / '
    if ($tail.Length -gt 2000) { $tail = $tail.Substring($tail.Length - 2000) }
    $script:Text.LogTail -f $Path, $tail
}

Export-ModuleMember -Function Invoke-Installer, Send-Order, Get-LogTail
