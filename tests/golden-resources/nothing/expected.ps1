<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'node1'
        }
    )
}

Configuration Golden
{
    Import-DscResource -ModuleName 'CimTypesDsc' -ModuleVersion '2.5.0.1'

    Node 'node1'
    {
        AllTypes 'a'
        {
            Id    = 'a'
            # PBool is NULL: left out
            # PS8 is NULL: left out
            # PR64 is NULL: left out
            # PChar is NULL: left out
            # PStr is NULL: left out
        }
        AllArrays 'b'
        {
            Id   = 'b'
            # AStr is NULL: left out
        }
        Nest 'c'
        {
            Id    = 'c'
            # One is NULL: left out
            # Many is NULL: left out
            # Login is NULL: left out
            # Pairs is NULL: left out
            Tree  = T_Branch {
                # Label is NULL: left out
                # Leaf is NULL: left out
            }
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration GoldenLcm
{
}

Golden -ConfigurationData $configurationData -OutputPath $OutputPath
GoldenLcm -OutputPath $OutputPath
